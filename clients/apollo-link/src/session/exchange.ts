// A refresh that is tried again while a lost answer can still be had.

import type { RefreshOutcome } from './service.js';

/** Pauses between attempts that fail at once, in milliseconds. */
const PAUSES = [250, 750, 1_500, 2_500];
/**
 * After this time without an answer there is a second attempt: the connection may be dead. The first one goes
 * on, since the service may be slow; and what is given up in cookie mode loses the new cookies.
 */
const SILENCE = 4_000;
/**
 * No attempt begins later than this after the first. The service gives the current token to the one that
 * was just replaced for 10 s (`REFRESH_GRACE`), and takes it for stolen after that.
 */
const LAST_BEGIN = 8_000;
/** When all is given up. */
const LONGEST = 20_000;

/** What the browser knows. Without a network there is no sense in trying again at once. */
const isOffline = () => typeof navigator !== 'undefined' && navigator.onLine === false;

/**
 * Calls `attempt` until it comes to something, at most five times in 8 s; gives up after 20 s. `goOn` is asked
 * before each: where it says no, null is answered.
 */
export function exchange(
  attempt: (signal: AbortSignal) => Promise<RefreshOutcome>,
  goOn: () => boolean,
): Promise<RefreshOutcome | null> {
  return new Promise((done) => {
    const begin = Date.now();
    const controller = new AbortController();
    let tries = 0;
    let running = 0;
    let next: ReturnType<typeof setTimeout> | undefined;
    let last: RefreshOutcome = { kind: 'failed', cause: new Error(`no answer within ${LONGEST} ms`) };

    const finish = (outcome: RefreshOutcome | null) => {
      clearTimeout(next);
      clearTimeout(end);
      controller.abort();
      done(outcome);
    };
    const end = setTimeout(() => finish(last), LONGEST);

    /** Plans the next attempt, if there may be one; answers whether. */
    const plan = (pause: number): boolean => {
      clearTimeout(next);
      if (tries > PAUSES.length || Date.now() - begin + pause > LAST_BEGIN) return false;
      // One turn more: on a busy page the answer may be there, and the timer be looked at first.
      next = setTimeout(() => (next = setTimeout(launch, 0)), pause);
      return true;
    };

    const launch = () => {
      if (controller.signal.aborted) return;
      if (!goOn()) return finish(null);
      tries += 1;
      running += 1;
      plan(SILENCE);
      void attempt(controller.signal)
        .catch((cause: unknown): RefreshOutcome => ({ kind: 'failed', cause }))
        .then((outcome) => {
          running -= 1;
          if (controller.signal.aborted) return;
          const pause = pauseAfter(outcome, tries);
          if (pause === null) return finish(outcome);
          last = outcome;
          if (!plan(pause) && running === 0) finish(outcome);
        });
    };
    launch();
  });
}

/** How long to wait before the next attempt; null if there is no sense in one. */
function pauseAfter(outcome: RefreshOutcome, tries: number): number | null {
  const pause = PAUSES[tries - 1] ?? Number.POSITIVE_INFINITY;
  switch (outcome.kind) {
    case 'renewed':
    case 'over':
      return null;
    case 'refused':
      return outcome.mayPass ? Math.max(pause, (outcome.retryAfter ?? 0) * 1000) : null;
    case 'failed':
      return isOffline() || isOwn(outcome.cause) ? null : pause;
  }
}

/** An error of this package stays what it is. */
function isOwn(cause: unknown): boolean {
  return cause instanceof Error && cause.name === 'VestibuleError';
}
