// What makes a session, and how it is read from what others have written: answers, a storage, other tabs.

import type { SignInPayload, TokenMode } from '../api.js';

/** The credentials of one session at one moment. */
export interface Credentials {
  /** Null in cookie mode. */
  readonly accessToken: string | null;
  readonly refreshToken: string | null;
  /** When the access token expires, by the clock of the service, in milliseconds; null if nobody knows. */
  readonly expiresAt: number | null;
  /** For how long it was good when it came; null where the clocks are too far apart to tell. */
  readonly lifetime: number | null;
  readonly sessionId: string | null;
  readonly userId: string | null;
}

/** No token of the service lives shorter, in milliseconds. */
const LEAST_LIFETIME = 1_000;

/** Longer than any token of the service; also keeps line breaks and the like out of headers. */
const TOKEN = /^[\x21-\x7e]{1,8192}$/;
const REFRESH_TOKEN = /^vrt_[A-Za-z0-9_-]{1,512}$/;
const SESSION_ID = /^sess_[A-Za-z0-9]{1,64}$/;
const USER_ID = /^user_[A-Za-z0-9]{1,64}$/;

const isNullOr = (pattern: RegExp, value: unknown): value is string | null =>
  value === null || (typeof value === 'string' && pattern.test(value));

const isNullOrNumber = (value: unknown): value is number | null =>
  value === null || (typeof value === 'number' && Number.isFinite(value));

/** Credentials from a storage or another tab; null for anything else. */
export function parseCredentials(value: unknown, mode: TokenMode): Credentials | null {
  if (typeof value !== 'object' || value === null) return null;
  const { accessToken, refreshToken, expiresAt, lifetime, sessionId, userId } = value as Record<string, unknown>;
  const isOfMode =
    mode === 'cookie'
      ? accessToken === null && refreshToken === null
      : typeof accessToken === 'string' && TOKEN.test(accessToken) && isNullOr(REFRESH_TOKEN, refreshToken);
  if (!isOfMode || !isNullOrNumber(expiresAt) || !isNullOrNumber(lifetime)) return null;
  if (!isNullOr(SESSION_ID, sessionId) || !isNullOr(USER_ID, userId)) return null;
  return {
    accessToken: accessToken as string | null,
    refreshToken: refreshToken as string | null,
    expiresAt,
    lifetime,
    sessionId,
    userId,
  };
}

/**
 * Credentials from an answer of the service, `now` by its clock; null if the answer signs nobody in.
 *
 * @throws TypeError for an answer of the other mode, or without fields that are needed.
 */
export function credentialsOf(payload: SignInPayload, mode: TokenMode, now: number): Credentials | null {
  const { accessToken = null, refreshToken = null, accessTokenExpiresAt, session, user } = payload;
  if (accessTokenExpiresAt === undefined) throw new TypeError('accessTokenExpiresAt is missing: select it');
  if (accessTokenExpiresAt === null) return null;
  if (mode === 'cookie' && accessToken !== null) {
    throw new TypeError('the answer has tokens, but the mode is cookie: log in with transport: COOKIE');
  }
  if (mode === 'bearer' && accessToken === null) {
    throw new TypeError('the answer has no accessToken: select it, and log in with transport: BEARER');
  }
  const expiresAt = Date.parse(accessTokenExpiresAt);
  const remaining = expiresAt - now;
  const credentials = parseCredentials(
    {
      accessToken,
      refreshToken,
      expiresAt,
      // A token that is new and has expired, or nearly, tells that the clocks are apart: then the service
      // is to say when it has.
      lifetime: remaining >= LEAST_LIFETIME ? remaining : null,
      sessionId: session?.id ?? null,
      userId: user?.id ?? null,
    },
    mode,
  );
  if (!credentials) throw new TypeError('the answer has not the form of an answer of the service');
  return credentials;
}

/** Whether both are of one session, as far as their ids tell. */
export function areOfOneSession(one: Credentials, other: Credentials): boolean {
  const agree = (a: string | null, b: string | null) => a === null || b === null || a === b;
  return agree(one.sessionId, other.sessionId) && agree(one.userId, other.userId);
}
