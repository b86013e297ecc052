// Whether the service can be reached, and a link that waits until it can.

import { ApolloLink } from '@apollo/client/link';
import { VestibuleError } from '@vestibule/apollo-link';
import { OperationTypeNode } from 'graphql';
import { Observable } from 'rxjs';
import { createStore } from './store';

/** `waiting`: a query has failed for want of a connection, and is tried again. */
export const reach = createStore<'good' | 'waiting'>('good');
/** What the browser itself says of its network. */
export const online = createStore(navigator.onLine);

addEventListener('online', () => online.set(true));
addEventListener('offline', () => online.set(false));

const FIRST_WAIT = 500;
const LONGEST_WAIT = 10_000;

/** Resolves after a time, or as soon as the browser is online again. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const finish = () => {
      clearTimeout(timer);
      removeEventListener('online', finish);
      done();
    };
    const timer = setTimeout(finish, ms);
    addEventListener('online', finish, { once: true });
    signal?.addEventListener('abort', finish, { once: true });
  });
}

/**
 * Queries are asked again until an answer comes, since nobody minds. A mutation may have been carried out
 * although its answer is lost: people decide themselves whether to send it again.
 */
export const waitForService = new ApolloLink((operation, forward) => {
  if (operation.operationType !== OperationTypeNode.QUERY) return forward(operation);
  return new Observable((observer) => {
    const given = new AbortController();
    let subscription: { unsubscribe(): void } | undefined;
    const attempt = (wait: number) => {
      subscription = forward(operation).subscribe({
        next(result) {
          reach.set('good');
          observer.next(result);
        },
        error: async (error: unknown) => {
          if (error instanceof VestibuleError && error.code === 'SESSION_CHANGED') return observer.error(error);
          reach.set('waiting');
          await pause(wait, given.signal);
          if (!given.signal.aborted) attempt(Math.min(2 * wait, LONGEST_WAIT));
        },
        complete: () => observer.complete(),
      });
    };
    attempt(FIRST_WAIT);
    return () => {
      given.abort();
      subscription?.unsubscribe();
    };
  });
});
