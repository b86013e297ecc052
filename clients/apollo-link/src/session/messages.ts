// What tabs tell each other. Whoever runs in the same origin can speak here, also an older version of this
// package: nothing is believed but for its form, and for what its form allows.

import type { EndReason, TokenMode } from '../api.js';
import { parseCredentials, type Credentials } from './credentials.js';

/** Of a message that has no credentials, the storage is to be read. */
export type Message =
  /** Is anybody signed in? Asked by a tab that keeps tokens in memory. */
  | { readonly type: 'hello' }
  /** The answer to one tab. */
  | { readonly type: 'here'; readonly to: string; readonly credentials: Credentials }
  | { readonly type: 'signedIn'; readonly credentials: Credentials | null }
  | { readonly type: 'renewed'; readonly credentials: Credentials | null }
  | {
      readonly type: 'signedOut';
      readonly sessionId: string | null;
      readonly reason: EndReason;
      /** Cookie mode: the service could not be told yet. */
      readonly isPending: boolean;
    };

/** Whose messages belong together. */
export interface Envelope {
  readonly vestibule: 1;
  readonly endpoint: string;
  readonly mode: TokenMode;
  /** Which instance speaks: random, and no secret. */
  readonly from: string;
}

const REASONS: ReadonlySet<unknown> = new Set<EndReason>([
  'SIGNED_OUT',
  'SESSION_REVOKED',
  'SESSION_EXPIRED',
  'TOKEN_INVALID',
  'MISSING',
  'REPLACED',
]);

const isId = (value: unknown): value is string => typeof value === 'string' && /^[\w-]{1,80}$/.test(value);

/** The message with its sender, if it is one of another instance for the same endpoint and mode; else null. */
export function parseMessage(data: unknown, own: Envelope): (Message & { readonly from: string }) | null {
  if (typeof data !== 'object' || data === null) return null;
  const message = data as Record<string, unknown>;
  const { vestibule, endpoint, mode, from, type } = message;
  if (vestibule !== own.vestibule || endpoint !== own.endpoint || mode !== own.mode) return null;
  if (!isId(from) || from === own.from) return null;
  switch (type) {
    case 'hello':
      return { type, from };
    case 'here': {
      const credentials = parseCredentials(message.credentials, own.mode);
      return message.to === own.from && credentials ? { type, from, to: own.from, credentials } : null;
    }
    case 'signedIn':
    case 'renewed': {
      const credentials = parseCredentials(message.credentials, own.mode);
      if (message.credentials !== null && !credentials) return null;
      return { type, from, credentials };
    }
    case 'signedOut': {
      const { sessionId, reason, isPending } = message;
      if (sessionId !== null && !isId(sessionId)) return null;
      if (!REASONS.has(reason) || typeof isPending !== 'boolean') return null;
      return { type, from, sessionId, reason: reason as EndReason, isPending };
    }
    default:
      return null;
  }
}
