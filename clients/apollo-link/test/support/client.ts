// Operations over a link, as Apollo Client sends them.

import { ApolloClient, InMemoryCache, gql } from '@apollo/client';
import { ApolloLink } from '@apollo/client/link';
import { firstValueFrom } from 'rxjs';
import { vi } from 'vitest';

import type { Vestibule } from '../../src/index.js';

export const ME = 'query { me { id } }';
export const RENAME = 'mutation { updateProfile(input: {}) { __typename } }';

/** Runs one operation over the link; the answer with its errors. */
export function run(
  auth: Vestibule,
  query: string,
  { context = {}, variables = {} }: { context?: Record<string, unknown>; variables?: Record<string, unknown> } = {},
): Promise<ApolloLink.Result> {
  const client = new ApolloClient({ link: auth.link, cache: new InMemoryCache() });
  return firstValueFrom(ApolloLink.execute(auth.link, { query: gql(query), variables, context }, { client }));
}

/** The first error of an answer, in two words. */
export function errorOf({ errors }: ApolloLink.Result): string | undefined {
  const { code, reason } = errors?.[0]?.extensions ?? {};
  return code === undefined ? undefined : [code, reason].filter(Boolean).join(' ');
}

/** Lets the fake clock run until the promise is settled, `most` milliseconds of it. */
export async function play<T>(promise: Promise<T>, most = 60_000): Promise<T> {
  let isSettled = false;
  const settled = () => (isSettled = true);
  promise.then(settled, settled);
  for (let passed = 0; !isSettled && passed <= most; passed += 10) await vi.advanceTimersByTimeAsync(10);
  if (!isSettled) throw new Error(`not settled within ${most} ms`);
  return promise;
}

/** What a promise is rejected with, in a word. */
export const failure = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    (value) => `resolved with ${JSON.stringify(value)}`,
    (error: { code?: unknown; message?: unknown }) => String(error.code ?? error.message),
  );
