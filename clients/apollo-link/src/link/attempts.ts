// An operation over HTTP: sent when there are credentials, and sent again once with new ones.

import { ApolloLink } from '@apollo/client/link';
import { Observable, type Subscriber, type Subscription } from 'rxjs';

import { VestibuleError } from '../errors.js';
import type { Grant } from '../session/holder.js';
import { Denied, endOf } from '../session/refusal.js';
import type { Session } from '../session/session.js';
import { beginsSession, hasData, refusalOf, type Refusal } from './operations.js';

type Observer = Subscriber<ApolloLink.Result>;

/**
 * An operation is repeated once. If a token has expired on its way, which those that live for seconds can do,
 * that was no try: then it is sent five times at most.
 */
const MOST_TRIES = 5;

/** Before the link that sends: waits, looks at the answer, and repeats. */
export function attemptsLink(session: Session): ApolloLink {
  return new ApolloLink(
    (operation, forward) =>
      new Observable((observer) => {
        const attempts = new Attempts(session, operation, forward, observer);
        void attempts.run();
        return () => attempts.stop();
      }),
  );
}

class Attempts {
  readonly #session: Session;
  readonly #operation: ApolloLink.Operation;
  readonly #forward: ApolloLink.ForwardFunction;
  readonly #observer: Observer;
  #sent: Subscription | null = null;

  constructor(
    session: Session,
    operation: ApolloLink.Operation,
    forward: ApolloLink.ForwardFunction,
    observer: Observer,
  ) {
    this.#session = session;
    this.#operation = operation;
    this.#forward = forward;
    this.#observer = observer;
  }

  async run(): Promise<void> {
    const begun = this.#session.holder.grant;
    await this.#guard(async () => {
      const grant = await this.#session.ready();
      this.#session.assertSame(begun);
      this.#send(grant, 1);
    });
  }

  stop(): void {
    this.#sent?.unsubscribe();
  }

  /** Sends it for the first time, or again. */
  #send(grant: Grant, tries: number): void {
    if (this.#observer.closed) return;
    let again: Promise<void> | null = null;
    this.#sent = this.#forward(this.#operation).subscribe({
      next: (result) => {
        if (again) return;
        const refusal = refusalOf(this.#operation, result);
        if (refusal && this.#mayRepeat(refusal, grant, tries)) again = this.#repeat(grant, tries + 1);
        else this.#deliver(result, refusal, grant, tries);
      },
      error: (error: unknown) => this.#observer.error(error),
      complete: () => again ?? this.#observer.complete(),
    });
  }

  #repeat(grant: Grant, tries: number): Promise<void> {
    return this.#guard(async () => this.#send(await this.#session.renew(grant), tries));
  }

  #mayRepeat(refusal: Refusal, grant: Grant, tries: number): boolean {
    if (!this.#canHelp(refusal, grant)) return false;
    if (tries === 1) return true;
    const { expiresAt } = grant;
    const hasExpired = expiresAt !== null && this.#session.holder.clock.now() >= expiresAt;
    return refusal.reason === 'TOKEN_EXPIRED' && hasExpired && tries < MOST_TRIES;
  }

  /** Whether other credentials may help: the operation came with some that are old, or were replaced meanwhile. */
  #canHelp({ reason, isRepeatable }: Refusal, grant: Grant): boolean {
    if (!isRepeatable || endOf(reason)) return false;
    const { generation } = this.#session.holder;
    if (reason === 'MISSING') return !grant.isSignedIn && generation !== grant.generation;
    return grant.isSignedIn || this.#session.mode === 'cookie' || generation !== grant.generation;
  }

  #deliver(result: ApolloLink.Result, refusal: Refusal | null, grant: Grant, tries: number): void {
    const { holder, mode } = this.#session;
    if (refusal) {
      const end = endOf(refusal.reason);
      if (end) this.#session.end(end, grant.epoch);
      else if (refusal.reason === 'MISSING' && mode === 'cookie') this.#session.end('MISSING', grant.epoch);
      else if (refusal.reason === 'TOKEN_INVALID' && tries > 1 && grant.generation === holder.generation) {
        this.#session.end('TOKEN_INVALID', grant.epoch);
      }
    } else if (grant.isSignedIn && grant.epoch !== holder.epoch && this.#operation.operationType === 'query') {
      // It would get into the cache of whoever is here now. What a mutation has done is told all the same.
      this.#observer.error(new VestibuleError('SESSION_CHANGED', 'the answer is for a session that has ended'));
      return;
    }
    this.#observer.next(result);
  }

  /** What the service refuses is told as the service would tell it. */
  async #guard(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Denied)) return this.#observer.error(error);
      this.#observer.next({ data: null, errors: error.errors as NonNullable<ApolloLink.Result['errors']> });
      this.#observer.complete();
    }
  }
}

/** Before the link that sends what nobody has to be signed in for. */
export function publicLink(session: Session): ApolloLink {
  return new ApolloLink((operation, forward) => {
    if (session.mode === 'bearer' || !beginsSession(operation)) return forward(operation);
    return new Observable((observer) => {
      let sent: Subscription | undefined;
      void session.suspendLeaving().then((wasLeaving) => {
        if (observer.closed) return wasLeaving && session.resumeLeaving();
        let isIn = false;
        sent = forward(operation).subscribe({
          next: (result) => {
            isIn ||= hasData(result);
            observer.next(result);
          },
          error: (error: unknown) => observer.error(error),
          complete: () => observer.complete(),
        });
        sent.add(() => wasLeaving && !isIn && session.resumeLeaving());
        return undefined;
      });
      return () => sent?.unsubscribe();
    });
  });
}
