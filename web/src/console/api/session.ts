// Whether somebody is logged in, and what is said when they are not any more.

import type { AuthState, EndReason, SignInPayload } from '@vestibule/apollo-link';
import { MeDocument, type PersonFragment } from '../gql/graphql';
import { auth } from './auth';
import { client } from './client';
import { pause, reach } from './reach';
import { createStore } from './store';

/** Why nobody is logged in any more, to be told on the page that comes then. */
export type Farewell = 'logged-out' | 'ended' | 'expired' | 'password' | 'undone';

export type SessionState = { status: 'unknown' } | { status: 'in' } | { status: 'out'; farewell: Farewell | null };

const FAREWELLS: Record<EndReason, Farewell | null> = {
  SIGNED_OUT: 'logged-out',
  SESSION_REVOKED: 'ended',
  SESSION_EXPIRED: 'expired',
  TOKEN_INVALID: 'expired',
  MISSING: 'logged-out',
  REPLACED: null,
};

/** Why this page itself is about to end the session: news of that may be here before the answer. */
let going: Farewell | null = null;

function stateOf({ status, reason }: AuthState): SessionState {
  if (status === 'unknown') return { status };
  if (status !== 'signedOut') return { status: 'in' };
  return { status: 'out', farewell: reason && (going ?? FAREWELLS[reason]) };
}

export const session = createStore<SessionState>(stateOf(auth.getState()));

auth.subscribe((state) => {
  const next = stateOf(state);
  // A refresh is nothing new.
  if (next.status !== session.get().status) session.set(next);
});
auth.onSessionEnd(() => client.clearStore());

const RETRY = 2000;

/** Finds out who is there, however long that takes. */
export async function look(): Promise<void> {
  // Asked at the same time, for the page that comes then.
  void client.query({ query: MeDocument }).catch(() => {});
  for (;;) {
    try {
      await auth.restore();
      return;
    } catch {
      reach.set('waiting');
      await pause(RETRY);
    }
  }
}

/** Goes on as the person of an answer to `login` or `register`. */
export async function begin(answer: SignInPayload & { user: PersonFragment }): Promise<void> {
  await client.clearStore();
  client.writeQuery({ query: MeDocument, data: { me: answer.user } });
  await auth.signIn(answer);
}

/** Does something that ends the session of this page. */
export async function leaveBy<T>(farewell: Farewell, act: () => Promise<T>): Promise<T> {
  const isIn = session.get().status === 'in';
  going = farewell;
  try {
    const outcome = await act();
    if (isIn) await auth.signOut();
    else session.set({ status: 'out', farewell });
    return outcome;
  } finally {
    going = null;
  }
}

export async function logOut(): Promise<void> {
  await leaveBy('logged-out', async () => {});
}
