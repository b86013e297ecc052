import { expect, it } from 'vitest';
import { wayBack } from './way-back';

it('leads to pages of this application alone', () => {
  expect(wayBack('next=%2Fsessions%3Fshow%3D40')).toBe('/sessions?show=40');
  for (const elsewhere of ['https://evil.example', '//evil.example', '/\\evil.example', 'javascript:alert(1)', '']) {
    expect(wayBack(`next=${encodeURIComponent(elsewhere)}`)).toBe('/profile');
  }
});
