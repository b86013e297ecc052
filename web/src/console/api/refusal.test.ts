import { CombinedGraphQLErrors } from '@apollo/client/errors';
import { describe, expect, it } from 'vitest';
import { Refusal, UNREACHABLE, refusalOf } from './refusal';

describe('a refusal', () => {
  it('has what the first error of an answer says', () => {
    const extensions = {
      code: 'BAD_USER_INPUT',
      fields: [{ field: 'input.email', code: 'INVALID_FORMAT', message: 'must be an e-mail address' }],
    };
    const found = refusalOf(new CombinedGraphQLErrors({ data: null, errors: [{ message: '1 field', extensions }] }));
    expect(found.code).toBe('BAD_USER_INPUT');
    expect(found.faults).toEqual([{ name: 'email', code: 'INVALID_FORMAT', message: 'must be an e-mail address' }]);
  });

  it('is itself when it is one already, and else means that no answer came', () => {
    const refusal = new Refusal('', { code: 'NOT_FOUND' });
    expect(refusalOf(refusal)).toBe(refusal);
    expect(refusalOf(new TypeError('Failed to fetch')).code).toBe(UNREACHABLE);
  });
});
