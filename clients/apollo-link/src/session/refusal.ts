// What the errors of an answer say about the session.

import type { EndReason } from '../api.js';

/** An error as it stands in an answer of the service. */
export interface ServiceError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** `extensions.reason` of `UNAUTHENTICATED`; null for one that this version does not know. */
export type Reason = 'MISSING' | 'TOKEN_EXPIRED' | 'TOKEN_INVALID' | 'SESSION_REVOKED' | 'SESSION_EXPIRED' | null;

const REASONS: ReadonlySet<unknown> = new Set<Reason>([
  'MISSING',
  'TOKEN_EXPIRED',
  'TOKEN_INVALID',
  'SESSION_REVOKED',
  'SESSION_EXPIRED',
]);

export function reasonFrom(reason: unknown): Reason {
  return REASONS.has(reason) ? (reason as Reason) : null;
}

export const isUnauthenticated = (error: ServiceError): boolean => error.extensions?.['code'] === 'UNAUTHENTICATED';

/** Why the caller was not let in, or undefined if that is not what the errors say. An ended session goes first. */
export function reasonOf(errors: readonly ServiceError[] | undefined): Reason | undefined {
  const reasons = (errors ?? []).filter(isUnauthenticated).map(({ extensions }) => reasonFrom(extensions?.['reason']));
  return reasons.find(endOf) ?? reasons[0];
}

/** The end of a session that is a reason in itself; undefined for one that a new token may help. */
export function endOf(reason: Reason): EndReason | undefined {
  return reason === 'SESSION_REVOKED' || reason === 'SESSION_EXPIRED' ? reason : undefined;
}

/** The error for operations of a session that is over, in the form that the service gives it. */
export function overError(reason: EndReason): ServiceError {
  const known = reasonFrom(reason) ?? 'SESSION_REVOKED';
  return {
    message: known === 'MISSING' ? 'You must be logged in.' : 'The session is over.',
    extensions: { code: 'UNAUTHENTICATED', reason: known, status: 401 },
  };
}

/** The service, or what it has said before, does not let an operation through. */
export class Denied extends Error {
  override readonly name = 'Denied';
  readonly errors: readonly ServiceError[];

  constructor(errors: readonly ServiceError[]) {
    super('the service does not let the operation through');
    this.errors = errors;
  }

  static over(reason: EndReason): Denied {
    return new Denied([overError(reason)]);
  }
}
