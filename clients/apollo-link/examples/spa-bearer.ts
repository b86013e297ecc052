// A page that holds its tokens in memory: they are gone with the last tab, and new tabs get them from the others.

import { ApolloClient, gql, InMemoryCache } from '@apollo/client';
import { createVestibule } from '@vestibule/apollo-link';
import { createClient } from 'graphql-ws';

export async function start(endpoint: string) {
  const auth = createVestibule({ endpoint, mode: 'bearer', subscriptions: { createClient } });
  const client = new ApolloClient({ link: auth.link, cache: new InMemoryCache() });
  auth.onSessionEnd(() => client.clearStore());

  async function logIn(email: string, password: string): Promise<void> {
    const { data } = await client.mutate<any>({
      mutation: gql`
        mutation ($input: LoginInput!) {
          login(input: $input) { accessToken refreshToken accessTokenExpiresAt user { id } session { id } }
        }
      `,
      variables: { input: { email, password } },
    });
    await auth.signIn(data.login);
  }

  /** A service of your own that verifies the tokens. It gets one; nobody else does. */
  async function askOwnService(url: string): Promise<Response> {
    return fetch(url, { headers: { authorization: `Bearer ${await auth.accessToken()}` } });
  }

  const { status } = await auth.restore();
  return { auth, client, logIn, askOwnService, status };
}
