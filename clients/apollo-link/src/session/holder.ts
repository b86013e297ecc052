// Holds the credentials of now, and counts how they change.

import type { EndReason, SessionInfo } from '../api.js';
import { Signal } from '../wait.js';
import { marginOf, ServiceClock } from './clock.js';
import { areOfOneSession, type Credentials } from './credentials.js';
import { States } from './state.js';

/** With what an operation was sent. */
export interface Grant {
  /** Changes with every change of credentials. */
  readonly generation: number;
  /** Changes when a session ends, and when somebody signs in. */
  readonly epoch: number;
  readonly isSignedIn: boolean;
  /** When the access token expires, as far as anybody knows. */
  readonly expiresAt: number | null;
}

export class Holder {
  readonly states = new States();
  readonly clock = new ServiceClock();
  #held: Credentials | null = null;
  #generation = 0;
  #epoch = 0;
  #lastEnd: EndReason = 'MISSING';
  #isRefreshing = false;
  #change = new Signal();

  get held(): Credentials | null {
    return this.#held;
  }

  get generation(): number {
    return this.#generation;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Why the last session has ended. */
  get lastEnd(): EndReason {
    return this.#lastEnd;
  }

  get grant(): Grant {
    return {
      generation: this.#generation,
      epoch: this.#epoch,
      isSignedIn: this.#held !== null,
      expiresAt: this.#held?.expiresAt ?? null,
    };
  }

  /** Whether the access token is to be replaced before it is used. */
  get isDue(): boolean {
    const { expiresAt, lifetime } = this.#held ?? {};
    if (expiresAt == null || lifetime == null) return false;
    return this.clock.now() >= expiresAt - marginOf(lifetime);
  }

  /** Whether the access token is good for a while, as far as anybody knows. */
  get isUsable(): boolean {
    const expiresAt = this.#held?.expiresAt;
    return expiresAt != null && this.clock.now() < expiresAt;
  }

  /** Whether these are newer than what is held, of the same session. */
  isNewer(credentials: Credentials): boolean {
    const { expiresAt } = this.#held ?? {};
    return expiresAt == null || (credentials.expiresAt ?? 0) > expiresAt;
  }

  /** Makes what goes on with the credentials of before void. */
  turn(): number {
    this.#epoch += 1;
    this.#changed();
    return this.#epoch;
  }

  /** Holds these from now on. Those of another session end. */
  take(credentials: Credentials): void {
    if (this.#held && !areOfOneSession(this.#held, credentials)) void this.finish('REPLACED');
    this.#held = {
      ...credentials,
      sessionId: credentials.sessionId ?? this.#held?.sessionId ?? null,
      userId: credentials.userId ?? this.#held?.userId ?? null,
    };
    this.#changed();
    this.show();
  }

  /** Holds nothing from now on. The answer comes when the listeners have cleared what they keep. */
  finish(reason: EndReason): Promise<void> {
    const ended = this.#held;
    if (!ended) return Promise.resolve();
    this.#held = null;
    this.#lastEnd = reason;
    this.turn();
    this.states.set({ status: 'signedOut', session: null, reason });
    return this.states.tellEnd({ session: infoOf(ended), reason });
  }

  /** Nobody is signed in, as somebody has looked. */
  nobody(): void {
    if (!this.#held && this.states.now.status === 'unknown') {
      this.states.set({ status: 'signedOut', session: null, reason: null });
    }
  }

  set isRefreshing(value: boolean) {
    this.#isRefreshing = value;
    this.show();
  }

  show(): void {
    if (!this.#held) return;
    const status = this.#isRefreshing ? 'refreshing' : 'signedIn';
    this.states.set({ status, session: infoOf(this.#held), reason: null });
  }

  /** Waits for the next change of credentials, `ms` at most. */
  async nextChange(ms: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    // One turn more: on a busy page the message may be there, and the timer be looked at first.
    const late = new Promise<void>((done) => (timer = setTimeout(() => (timer = setTimeout(done, 0)), ms)));
    await Promise.race([this.#change.happened, late]);
    clearTimeout(timer);
  }

  #changed(): void {
    this.#generation += 1;
    this.#change.raise();
    this.#change = new Signal();
  }
}

const infoOf = ({ sessionId, userId }: Credentials): SessionInfo => ({ id: sessionId, userId });
