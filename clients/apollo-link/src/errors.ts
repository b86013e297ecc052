// What goes wrong on this side. What the service refuses stays a GraphQL error, with its code.

/**
 * What went wrong.
 *
 * - `REFRESH_FAILED`: new tokens could not be had now, since the network or the service fails. The session
 *   stays; try again later. `cause` has the failure.
 * - `STORAGE_FAILED`: the storage failed, or took longer than 5 s.
 * - `SESSION_CHANGED`: the answer to a query belongs to a session that has ended meanwhile.
 * - `SIGN_OUT_PENDING`: cookie mode: a `signOut` did not reach the service, and still does not.
 * - `ORIGIN_REFUSED`: the request would have gone to another origin than that of the endpoint.
 * - `COOKIES_TAKEN`: on a server: a refresh was needed after `takeSetCookies()`.
 * - `NO_SUBSCRIPTIONS`: a subscription without the option `subscriptions`.
 * - `SOCKET_CLOSED`: the service closed the socket of a subscription for good; the message says why.
 * - `DISPOSED`: `dispose()` was called.
 */
export type VestibuleErrorCode =
  | 'REFRESH_FAILED'
  | 'STORAGE_FAILED'
  | 'SESSION_CHANGED'
  | 'SIGN_OUT_PENDING'
  | 'ORIGIN_REFUSED'
  | 'COOKIES_TAKEN'
  | 'NO_SUBSCRIPTIONS'
  | 'SOCKET_CLOSED'
  | 'DISPOSED';

/** A failure of this side. Its message and cause have no token. */
export class VestibuleError extends Error {
  override readonly name = 'VestibuleError';
  readonly code: VestibuleErrorCode;

  constructor(code: VestibuleErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
