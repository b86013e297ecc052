// One operation over a socket: begun with good credentials, and begun again once if they were refused.

import type { ApolloLink } from '@apollo/client/link';
import type { Subscriber } from 'rxjs';

import type { SocketClient } from '../api.js';
import { VestibuleError } from '../errors.js';
import type { Grant } from '../session/holder.js';
import { Denied, endOf, reasonFrom, reasonOf, type Reason, type ServiceError } from '../session/refusal.js';
import type { Session } from '../session/session.js';
import { closeOf, isOfSession, type Socket } from './socket.js';

export type Payload = Parameters<SocketClient['subscribe']>[0];

/** Gives a socket that takes operations; a new one if that of before has been refused. */
export type Open = (isAnew: boolean) => Socket;

export class SocketOperation {
  readonly #session: Session;
  readonly #open: Open;
  readonly #payload: Payload;
  readonly #observer: Subscriber<ApolloLink.Result>;
  #stop: (() => void) | null = null;

  constructor(session: Session, open: Open, payload: Payload, observer: Subscriber<ApolloLink.Result>) {
    this.#session = session;
    this.#open = open;
    this.#payload = payload;
    this.#observer = observer;
  }

  async run(): Promise<void> {
    const begun = this.#session.holder.grant;
    await this.#guard(async () => {
      const grant = await this.#session.ready();
      this.#session.assertSame(begun);
      this.#subscribe(grant, true);
    });
  }

  stop(): void {
    this.#stop?.();
    this.#stop = null;
  }

  #subscribe(grant: Grant, isFirst: boolean): void {
    if (this.#observer.closed) return;
    if (!grant.isSignedIn && this.#session.mode === 'bearer') throw Denied.over('MISSING');
    const socket = this.#open(!isFirst);
    let isOver = false;
    /** Whether other credentials may help; then the operation is begun again with them. */
    const isRepeated = (errors: unknown): boolean => {
      const reason = reasonOf(errors as readonly ServiceError[]);
      if (reason === undefined) return false;
      const end = endOf(reason);
      if (end) this.#session.end(end, grant.epoch);
      if (end || reason === 'MISSING' || !isFirst) return false;
      isOver = true;
      leave();
      void this.#guard(async () => this.#subscribe(await this.#session.renew(grant), false));
      return true;
    };
    const unsubscribe = socket.client.subscribe(this.#payload, {
      next: (result: ApolloLink.Result) => {
        if (!isOver && !isRepeated(result.errors)) this.#observer.next(result);
      },
      error: (failure) => {
        if (isOver || (Array.isArray(failure) && isRepeated(failure))) return;
        leave();
        this.#fail(Array.isArray(failure) ? new Denied(failure as ServiceError[]) : this.#explain(failure));
      },
      complete: () => {
        leave();
        if (!isOver) this.#observer.complete();
      },
    });
    /** The session has ended, or another one has begun. */
    const end = () => {
      isOver = true;
      leave();
      const { held, lastEnd } = this.#session.holder;
      if (held || lastEnd === 'SIGNED_OUT' || lastEnd === 'REPLACED') this.#observer.complete();
      else this.#fail(Denied.over(lastEnd));
    };
    const leave = () => {
      socket.operations.delete(end);
      unsubscribe();
    };
    socket.operations.add(end);
    this.#stop = leave;
  }

  /** Why a socket was closed for good, as the service would say it in an answer. */
  #explain(failure: unknown): Error {
    const close = closeOf(failure);
    if (!close) return failure instanceof Error ? failure : new VestibuleError('SOCKET_CLOSED', 'the socket failed');
    if (isOfSession(close.code)) {
      const reason: Reason = reasonFrom(close.reason);
      if (reason) {
        const extensions = { code: 'UNAUTHENTICATED', reason, status: 401 };
        return new Denied([{ message: 'The service refuses the credentials of the socket.', extensions }]);
      }
    }
    return new VestibuleError('SOCKET_CLOSED', `the socket was closed: ${close.code} ${close.reason}`.trim());
  }

  async #guard(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (!(error instanceof Denied)) return this.#observer.error(error);
    this.#observer.next({ data: null, errors: error.errors as NonNullable<ApolloLink.Result['errors']> });
    this.#observer.complete();
  }
}
