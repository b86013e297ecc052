// What is repeated, and what is not: the one decision that could do something twice.

import { ApolloClient, InMemoryCache } from '@apollo/client';
import { ApolloLink } from '@apollo/client/link';
import { parse } from 'graphql';
import { describe, expect, test } from 'vitest';

import { beginsSession, isPublic, refusalOf } from '../../src/link/operations.js';

/** The operation as a link gets it. */
function operation(query: string): ApolloLink.Operation {
  let found: ApolloLink.Operation | undefined;
  const link = new ApolloLink((given) => {
    found = given;
    return new ApolloLink().request(given, () => undefined as never);
  });
  const client = new ApolloClient({ link, cache: new InMemoryCache() });
  try {
    ApolloLink.execute(link, { query: parse(query) }, { client }).subscribe({});
  } catch {
    // It goes nowhere.
  }
  return found!;
}

const refused = (reason: string, path?: (string | number)[]) => ({
  message: 'refused',
  ...(path && { path }),
  extensions: { code: 'UNAUTHENTICATED', reason },
});

const isRepeatable = (query: string, data: unknown, ...errors: ReturnType<typeof refused>[]) =>
  refusalOf(operation(query), { data, errors } as ApolloLink.Result)?.isRepeatable;

describe('a refusal', () => {
  test('is told by its code, and an ended session goes before an expired token', () => {
    const query = operation('{ me { id } }');
    expect(refusalOf(query, { data: { me: null } })).toBeNull();
    expect(refusalOf(query, { data: null, errors: [{ message: 'x', extensions: { code: 'TOKEN_INVALID' } }] } as never)).toBeNull();
    expect(refusalOf(query, { data: null, errors: [refused('TOKEN_EXPIRED'), refused('SESSION_REVOKED')] } as never)?.reason).toBe('SESSION_REVOKED');
    expect(refusalOf(query, { data: null, errors: [refused('SOMETHING_NEW')] } as never)?.reason).toBeNull();
  });

  test.each<[string, unknown, ReturnType<typeof refused>[], boolean]>([
    ['{ me { id } }', { me: null }, [refused('TOKEN_EXPIRED', ['me'])], true],
    ['{ me { id } node(id: 1) { id } }', { me: null, node: {} }, [refused('TOKEN_EXPIRED', ['me'])], true],
    ['mutation { a }', null, [refused('TOKEN_EXPIRED', ['a'])], true],
    ['mutation { b: a }', null, [refused('TOKEN_EXPIRED', ['b'])], true],
    ['mutation { a }', undefined, [refused('TOKEN_EXPIRED')], true],
    ['mutation { ... on Mutation { a } }', null, [refused('TOKEN_EXPIRED', ['a'])], true],
    ['mutation { ...F } fragment F on Mutation { a }', null, [refused('TOKEN_EXPIRED', ['a'])], true],
    // Something below it was refused: it was let in itself.
    ['mutation { a { b } }', { a: { b: null } }, [refused('TOKEN_EXPIRED', ['a', 'b'])], false],
    ['mutation { a { b } }', null, [refused('TOKEN_EXPIRED', ['a', 'b'])], false],
    // The first was done.
    ['mutation { a b }', null, [refused('TOKEN_EXPIRED', ['b'])], false],
    ['mutation { a ...F } fragment F on Mutation { b }', null, [refused('TOKEN_EXPIRED', ['b'])], false],
    // Whether the second was begun nobody knows.
    ['mutation { a b }', null, [refused('TOKEN_EXPIRED', ['a'])], false],
    ['mutation { a b }', null, [refused('TOKEN_EXPIRED', ['a']), refused('TOKEN_EXPIRED', ['b'])], true],
    ['mutation { a: x b: x }', { a: {}, b: null }, [refused('TOKEN_EXPIRED', ['b'])], false],
    // Something else has failed beside it.
    ['mutation { a }', null, [refused('TOKEN_EXPIRED'), { ...refused('x'), extensions: { code: 'INTERNAL_SERVER_ERROR', reason: '' } }], false],
    ['mutation { a }', { a: {} }, [refused('TOKEN_EXPIRED')], false],
  ])('%s with data %o and %o: repeatable %s', (query, data, errors, expected) => {
    expect(isRepeatable(query, data, ...errors)).toBe(expected);
  });

  test('of fragments that spread each other comes to an end', () => {
    const query = 'mutation { ...F } fragment F on Mutation { ...G a } fragment G on Mutation { ...F }';
    expect(isRepeatable(query, null, refused('TOKEN_EXPIRED', ['a']))).toBe(true);
  });
});

test('public is only what has nothing else beside it', () => {
  expect(isPublic(operation('mutation { login(input: {}) { user { id } } }'))).toBe(true);
  expect(isPublic(operation('mutation { l: login(input: {}) { user { id } } __typename }'))).toBe(true);
  expect(isPublic(operation('mutation { login(input: {}) { user { id } } updateProfile(input: {}) { user { id } } }'))).toBe(false);
  expect(isPublic(operation('mutation { login: updateProfile(input: {}) { user { id } } }'))).toBe(false);
  expect(isPublic(operation('mutation { logout { success } }'))).toBe(false);
  expect(isPublic(operation('query { login }'))).toBe(false);
  expect(beginsSession(operation('mutation { resetPassword(input: {}) { success } }'))).toBe(false);
  expect(beginsSession(operation('mutation { register(input: {}) { user { id } } }'))).toBe(true);
});
