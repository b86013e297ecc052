// The state that applications see, and those who listen to it.

import { Observable } from 'rxjs';

import type { AuthState, SessionEnd } from '../api.js';
import { within } from '../wait.js';

/** How long the listeners of an end may take, in milliseconds. */
const LONGEST_CLEARING = 5_000;

export class States {
  #now: AuthState = { status: 'unknown', session: null, reason: null };
  readonly #listeners = new Set<(state: AuthState) => void>();
  readonly #endListeners = new Set<(end: SessionEnd) => unknown>();
  readonly #completions = new Set<() => void>();
  #isClosed = false;

  readonly observable = new Observable<AuthState>((observer) => {
    observer.next(this.#now);
    if (this.#isClosed) return observer.complete();
    const complete = () => observer.complete();
    const stop = this.listen((state) => observer.next(state));
    this.#completions.add(complete);
    return () => {
      stop();
      this.#completions.delete(complete);
    };
  });

  get now(): AuthState {
    return this.#now;
  }

  set(next: AuthState): void {
    const { status, session, reason } = this.#now;
    if (
      status === next.status &&
      reason === next.reason &&
      session?.id === next.session?.id &&
      session?.userId === next.session?.userId
    ) {
      return;
    }
    this.#now = Object.freeze({ ...next, session: next.session && Object.freeze(next.session) });
    for (const listener of [...this.#listeners]) call(() => listener(this.#now));
  }

  listen(listener: (state: AuthState) => void): () => void {
    // The same function may be given twice.
    const own = (state: AuthState) => listener(state);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  listenToEnds(listener: (end: SessionEnd) => unknown): () => void {
    const own = (end: SessionEnd) => listener(end);
    this.#endListeners.add(own);
    return () => void this.#endListeners.delete(own);
  }

  /** Tells the end of a session. The answer comes when all have cleared what they keep, or after a time. */
  async tellEnd(end: SessionEnd): Promise<void> {
    const clearing = [...this.#endListeners].map((listener) => call(() => listener(end)));
    await within(LONGEST_CLEARING, () => Promise.allSettled(clearing)).catch(() => {});
  }

  close(): void {
    this.#isClosed = true;
    this.#listeners.clear();
    this.#endListeners.clear();
    for (const complete of [...this.#completions]) complete();
  }
}

/** What a listener throws is shown to its author, as if nobody had called it, and holds nothing up. */
function call<T>(listener: () => T): T | undefined {
  try {
    const result = listener();
    if (result instanceof Promise) result.catch(rethrow);
    return result;
  } catch (error) {
    rethrow(error);
    return undefined;
  }
}

function rethrow(error: unknown): void {
  if (typeof globalThis.reportError === 'function') globalThis.reportError(error);
  else console.error(error);
}
