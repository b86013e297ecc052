// Mutations of the account pages.

import type { OperationVariables } from '@apollo/client';
import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { client } from './client';
import { Refusal } from './refusal';

/** The data of a mutation, or a `Refusal` is thrown. */
export async function send<Data, Variables extends OperationVariables>(
  mutation: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  const options = { mutation, variables } as Parameters<typeof client.mutate<Data, Variables>>[0];
  const { data } = await client.mutate<Data, Variables>(options);
  if (!data) throw new Refusal('The answer has no data.', {});
  return data as Data;
}
