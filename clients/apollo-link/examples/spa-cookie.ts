// A page that never holds a token: cookies, one session for all tabs, signed out as soon as it is ended elsewhere.

import { ApolloClient, gql, InMemoryCache } from '@apollo/client';
import { createVestibule } from '@vestibule/apollo-link';
import { createClient } from 'graphql-ws';

export async function start(endpoint = '/graphql') {
  const auth = createVestibule({ endpoint, mode: 'cookie', subscriptions: { createClient } });
  const client = new ApolloClient({ link: auth.link, cache: new InMemoryCache() });
  auth.onSessionEnd(() => client.clearStore());

  async function logIn(email: string, password: string): Promise<void> {
    const { data } = await client.mutate<any>({
      mutation: gql`
        mutation ($input: LoginInput!) {
          login(input: $input) { accessTokenExpiresAt user { id } session { id } }
        }
      `,
      variables: { input: { email, password, transport: 'COOKIE' } },
    });
    await auth.signIn(data.login);
  }

  const { status } = await auth.restore(); // 'signedIn' after a reload, without asking anybody
  return { auth, client, logIn, status };
}
