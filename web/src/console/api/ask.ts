// Operations that go past Apollo Client: with other credentials than its own, or while somebody types.

import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { addTypenameToDocument } from '@apollo/client/utilities';
import type { DocumentNode } from 'graphql';
import { print } from 'graphql/language/printer';
import { Refusal, UNREACHABLE } from './refusal';

/** Same-origin: the console is served by the service whose API it calls. */
export const ENDPOINT = '/graphql';
const PATIENCE = 30_000;

/** The text of an operation, the very one that Apollo Client would send: documents.json has it. */
export const textOf = (document: DocumentNode): string => print(addTypenameToDocument(document));

interface Way {
  /** Sent as a bearer token, and then without cookies. */
  token?: string;
  /** Sent with neither. */
  isAnonymous?: boolean;
  signal?: AbortSignal;
}

/** The data of an operation, or a `Refusal`. */
export async function ask<Data, Variables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  { token, isAnonymous = false, signal = AbortSignal.timeout(PATIENCE) }: Way = {},
): Promise<Data> {
  const answer = await fetch(ENDPOINT, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json, application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    credentials: token === undefined && !isAnonymous ? 'same-origin' : 'omit',
    cache: 'no-store',
    body: JSON.stringify({ query: textOf(document), variables }),
    signal,
  }).catch((error: unknown) => {
    throw new Refusal(String(error), { code: UNREACHABLE });
  });
  const body = await answer.json().catch(() => {
    throw new Refusal(`HTTP ${answer.status}`, { code: UNREACHABLE });
  });
  const [first] = body.errors ?? [];
  if (first) throw new Refusal(first.message, first.extensions ?? {});
  return body.data;
}
