// What happens here when another tab says something.

import type { TokenMode } from '../api.js';
import { areOfOneSession, type Credentials } from './credentials.js';
import type { Holder } from './holder.js';
import type { Message } from './messages.js';
import type { Refresher } from './refresher.js';
import type { Vault } from './vault.js';

interface Parts {
  readonly mode: TokenMode;
  readonly holder: Holder;
  readonly vault: Vault;
  readonly refresher: Refresher;
  readonly tell: (message: Message) => void;
  /** Does one thing after the other; operations wait for it. */
  readonly turn: (work: () => Promise<void>) => void;
  /** Whether a sign-out is still to be told to the service. */
  readonly setLeaving: (isLeaving: boolean) => void;
  /** Nobody needs to look for a session any more that was there before. */
  readonly setLoaded: () => void;
}

export class Others {
  readonly #parts: Parts;
  /** The epoch in which other tabs were asked whether somebody is signed in. */
  #askedIn: number | null = null;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Asks whether somebody is signed in. */
  ask(): void {
    this.#askedIn = this.#parts.holder.epoch;
    this.#parts.tell({ type: 'hello' });
  }

  hear(message: Message & { readonly from: string }): void {
    const { mode, holder, vault, refresher, tell } = this.#parts;
    const { held } = holder;
    switch (message.type) {
      case 'hello':
        if (held && mode === 'bearer' && !vault.isThere) tell({ type: 'here', to: message.from, credentials: held });
        return;
      case 'here':
        // A late one is welcome too, as long as nothing has happened since.
        if (!held && holder.epoch === this.#askedIn) holder.take(message.credentials);
        return;
      case 'renewed':
        if (!message.credentials) return void (held && refresher.catchUp());
        if (held ? this.#isNews(held, message.credentials) : holder.states.now.status === 'unknown') {
          holder.take(message.credentials);
        }
        return;
      case 'signedIn':
        return this.#signIn(message.credentials);
      case 'signedOut':
        return this.#signOut(message);
    }
  }

  #isNews(held: Credentials, credentials: Credentials): boolean {
    return areOfOneSession(held, credentials) && this.#parts.holder.isNewer(credentials);
  }

  #signIn(credentials: Credentials | null): void {
    const { holder, refresher, turn, setLeaving, setLoaded } = this.#parts;
    setLeaving(false);
    if (credentials && holder.held && areOfOneSession(holder.held, credentials)) {
      if (holder.isNewer(credentials)) holder.take(credentials);
      return;
    }
    setLoaded();
    const cleared = holder.finish('REPLACED');
    const epoch = holder.turn();
    turn(async () => {
      await cleared;
      if (holder.epoch !== epoch) return;
      if (credentials) holder.take(credentials);
      else await refresher.begin();
    });
  }

  #signOut({ sessionId, reason, isPending }: Extract<Message, { type: 'signedOut' }>): void {
    const { mode, holder, setLeaving } = this.#parts;
    const { held } = holder;
    const isOurs = !held || held.sessionId === null || sessionId === null || held.sessionId === sessionId;
    if (!isOurs) return;
    if (isPending && mode === 'cookie') setLeaving(true);
    void holder.finish(reason);
    holder.nobody();
  }
}
