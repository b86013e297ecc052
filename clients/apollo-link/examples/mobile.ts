// An application on a device: tokens in its key chain, the session is there after a restart, and being offline
// ends nothing.

import { ApolloClient, gql, InMemoryCache } from '@apollo/client';
import { createVestibule, VestibuleError, type TokenStorage } from '@vestibule/apollo-link';

/**
 * The key chain is such as
 * `{ getItem: SecureStore.getItemAsync, setItem: SecureStore.setItemAsync, removeItem: SecureStore.deleteItemAsync }`.
 */
export async function start(endpoint: string, keyChain: TokenStorage, report: (error: Error) => void) {
  const auth = createVestibule({ endpoint, mode: 'bearer', storage: keyChain, onError: report });
  const client = new ApolloClient({ link: auth.link, cache: new InMemoryCache() });
  auth.onSessionEnd(() => client.clearStore());

  async function logIn(email: string, password: string, deviceName: string): Promise<void> {
    const { data } = await client.mutate<any>({
      mutation: gql`
        mutation ($input: LoginInput!) {
          login(input: $input) { accessToken refreshToken accessTokenExpiresAt user { id } session { id } }
        }
      `,
      variables: { input: { email, password, deviceName } },
    });
    await auth.signIn(data.login);
  }

  /** The name of the person; null where it cannot be had now. */
  async function name(): Promise<string | null> {
    try {
      const { data } = await client.query<any>({ query: gql`query { me { id name } }`, fetchPolicy: 'network-only' });
      return data.me?.name ?? null;
    } catch (error) {
      // Offline: the session stays.
      if (error instanceof VestibuleError && error.code === 'REFRESH_FAILED') return null;
      throw error;
    }
  }

  const { status } = await auth.restore(); // 'signedIn' if the key chain has a session
  return { auth, client, logIn, name, status };
}
