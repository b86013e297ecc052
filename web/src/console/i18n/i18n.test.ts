import { describe, expect, it } from 'vitest';
import { Refusal, faulty } from '../api/refusal';
import { en, type Texts } from './en';
import { explain, explainFault, spell } from './explain';
import { fr } from './fr';
import { chooseLanguage } from './languages';

/** The names of all texts, and how many arguments those that take some have. */
function shape(texts: object, path = ''): string[] {
  return Object.entries(texts).flatMap(([name, value]) =>
    typeof value === 'object' && value !== null ? shape(value, `${path}${name}.`) : [`${path}${name}`],
  );
}

const refusal = (code: string, more = {}) => new Refusal('', { code, ...more });

describe('languages', () => {
  it('takes the first wanted one that there is', () => {
    expect(chooseLanguage([null, 'de-DE', 'fr-CA', 'en-US'])).toBe('fr');
    expect(chooseLanguage(['EN'])).toBe('en');
    expect(chooseLanguage([null, 'de'])).toBe('en');
  });

  it('has the same texts in both', () => {
    expect(shape(fr)).toEqual(shape(en));
  });

  it('has no plain space before the punctuation that French sets apart', () => {
    const all: string[] = [];
    const gather = (texts: object) => {
      for (const value of Object.values(texts)) {
        if (typeof value === 'string') all.push(value);
        else if (typeof value === 'object' && value !== null) gather(value);
        else if (typeof value === 'function') all.push(String(value(2, 'x')));
      }
    };
    gather(fr);
    expect(all.filter((text) => / [?!;:»]/.test(text))).toEqual([]);
  });
});

describe('what a refusal says', () => {
  it.each<[string, Texts]>([
    ['English', en],
    ['French', fr],
  ])('has words for every code, in %s', (_, texts) => {
    const codes = ['INVALID_CREDENTIALS', 'EMAIL_TAKEN', 'TOKEN_INVALID', 'FORBIDDEN', 'CONFLICT', 'UNREACHABLE'];
    const said = new Set(codes.map((code) => explain(refusal(code), texts)));
    expect(said.size).toBe(codes.length);
    expect(said).not.toContain(texts.errors.other);
    expect(explain(refusal('SOMETHING_NEW'), texts)).toBe(texts.errors.other);
  });

  it('says how long to wait, where the service says so', () => {
    expect(explain(refusal('RATE_LIMITED', { retryAfter: 42 }), en)).toBe(
      'There were too many attempts. Please try again in 42 seconds.',
    );
    expect(explain(refusal('RATE_LIMITED', { retryAfter: 42 }), en, 0)).toContain('You can try again now.');
    expect(explain(refusal('RATE_LIMITED'), en)).toContain('Please try again later.');
    expect(spell(1, en)).toBe('1 second');
    expect(spell(600, fr)).toBe('10\u00a0minutes');
  });

  it('leads to the fields that are faulty', () => {
    const fault = { name: 'password', code: 'TOO_SHORT', message: 'must be longer', limit: 8 };
    expect(explain(faulty([fault]), en)).toBe('Please look at the marked fields.');
    expect(explainFault(fault, en)).toBe('This is too short. It needs at least 8 characters.');
    expect(explainFault({ name: 'email', code: 'INVALID_FORMAT', message: '' }, en)).toContain('ada@example.com');
    expect(explainFault({ name: 'name', code: 'NEWER', message: 'as the service says' }, fr)).toBe(
      'as the service says',
    );
  });
});
