// Administration takes bearer tokens alone. They are got by a login of its own, kept in the memory of the page, and
// gone with a reload; whoever leaves these pages ends that session.

import { ApolloClient, InMemoryCache, type OperationVariables } from '@apollo/client';
import { ApolloLink } from '@apollo/client/link';
import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { createVestibule, type AuthState } from '@vestibule/apollo-link';
import { useSyncExternalStore } from 'react';
import { expectLogin, expectNews } from '../account/SessionNews';
import { ENDPOINT, ask } from '../api/ask';
import { carefulFetch } from '../api/auth';
import { config } from '../api/config';
import { waitForService } from '../api/reach';
import { Refusal } from '../api/refusal';
import { withStepUp } from '../api/step-up';
import { AdminLoginDocument, ReauthenticateDocument } from '../gql/graphql';

const auth = createVestibule({
  endpoint: ENDPOINT,
  mode: 'bearer',
  // One tab is no other: whoever opens administration there shows the password there.
  tabs: false,
  fetch: carefulFetch,
});

addEventListener('pagehide', () => void leave());

export const useAdminState = (): AuthState => useSyncExternalStore(auth.subscribe, auth.getState);

/** Where administration is, rather than the endpoint of everybody. */
const elsewhere = new ApolloLink((operation, forward) => {
  operation.setContext({ uri: config.get()?.adminEndpoint });
  return forward(operation);
});

async function reauthenticate(password: string): Promise<void> {
  const token = await auth.accessToken();
  if (token !== null) await ask(ReauthenticateDocument, { input: { password } }, { token });
}

export const adminClient = new ApolloClient({
  link: ApolloLink.from([withStepUp(reauthenticate), waitForService, elsewhere, auth.link]),
  cache: new InMemoryCache({ typePolicies: { Permission: { keyFields: ['name'] }, Role: { keyFields: ['name'] } } }),
  devtools: { enabled: false },
});
auth.onSessionEnd(() => adminClient.clearStore());

/** Logs in once more, without cookies. */
export async function enter(email: string, password: string, deviceName: string): Promise<void> {
  expectLogin();
  const input = { email, password, deviceName, transport: 'BEARER' } as const;
  const { login } = await ask(AdminLoginDocument, { input }, { isAnonymous: true });
  await auth.signIn(login);
}

/** Ends that session. */
export async function leave(): Promise<void> {
  const { session } = auth.getState();
  if (!session) return;
  if (session.id !== null) expectNews(session.id);
  await auth.signOut();
}

/** The data of a mutation of administration, or a `Refusal` is thrown. */
export async function administer<Data, Variables extends OperationVariables>(
  mutation: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  const options = { mutation, variables } as Parameters<typeof adminClient.mutate<Data, Variables>>[0];
  const { data } = await adminClient.mutate<Data, Variables>(options);
  if (!data) throw new Refusal('The answer has no data.', {});
  return data as Data;
}
