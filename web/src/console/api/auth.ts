// The session of the account pages: its tokens are in cookies, which no script can read.

import { createVestibule, documents } from '@vestibule/apollo-link';
import { createClient } from 'graphql-ws';
import { ENDPOINT } from './ask';

const reconnected = new Set<() => void>();

/** Calls the listener when a lost connection is there again. */
export function whenReconnected(listener: () => void): () => void {
  reconnected.add(listener);
  return () => reconnected.delete(listener);
}

/** Whether a request ends the session. Whoever leaves the page at once must be logged out all the same. */
const isLogout = (body: unknown) => typeof body === 'string' && body.includes(JSON.stringify(documents.logout));

/** For tokens: nothing is cached, and a logout outlives the page. */
export const carefulFetch: typeof fetch = (input, init) =>
  fetch(input, { ...init, cache: 'no-store', keepalive: isLogout(init?.body) });

export const auth = createVestibule({
  endpoint: ENDPOINT,
  mode: 'cookie',
  fetch: carefulFetch,
  subscriptions: {
    createClient,
    // The pages listen themselves, to tell what happens; the end of the socket ends the session.
    sessionEvents: false,
    onReconnected() {
      for (const listener of reconnected) listener();
    },
  },
});
