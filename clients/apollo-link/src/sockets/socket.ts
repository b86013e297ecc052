// One socket with its operations: connected with the newest token, and again when it is lost.

import type { SocketClient } from '../api.js';
import { VestibuleError } from '../errors.js';
import { marginOf } from '../session/clock.js';
import type { Credentials } from '../session/credentials.js';
import type { Holder } from '../session/holder.js';
import { endOf, reasonFrom } from '../session/refusal.js';
import type { Session } from '../session/session.js';
import type { Settings } from '../settings.js';

/** Pauses before a lost connection is tried again: doubled each time, in milliseconds. */
const FIRST_PAUSE = 300;
const LONGEST_PAUSE = 15_000;
/**
 * How long a socket without operations stays, in milliseconds: the service closes that of an ended session
 * 100 ms after the last event, with the reason.
 */
const LINGER = 2_000;
const KEEP_ALIVE = 20_000;
/** How often in a row the service may refuse the credentials of a socket before its operations fail. */
const MOST_REFUSALS = 2;

const UNAUTHORIZED = 4401;
const FORBIDDEN = 4403;

/** A close event, whatever the platform makes of it. */
export function closeOf(failure: unknown): { readonly code: number; readonly reason: string } | null {
  if (typeof failure !== 'object' || failure === null || !('code' in failure) || !('reason' in failure)) return null;
  const { code, reason } = failure;
  return typeof code === 'number' ? { code, reason: String(reason) } : null;
}

/** Whether the service has closed a socket for what it thinks of the session. */
export function isOfSession(code: number | undefined): boolean {
  return code === UNAUTHORIZED || code === FORBIDDEN;
}

export class Socket {
  readonly client: SocketClient;
  /** The epoch of the session that it is for. */
  readonly epoch: number;
  /** What ends the operations that go on. */
  readonly operations = new Set<() => void>();
  readonly #session: Session;
  readonly #settings: Settings;
  /** The credentials that the last handshake was made with, and their generation. */
  #shown: { readonly credentials: Credentials | null; readonly generation: number } | null = null;
  #isConnected = false;
  #wasConnected = false;
  /** The generation of credentials that the service has refused. */
  #refused: number | null = null;
  #refusals = 0;

  constructor(session: Session, settings: Settings, url: URL) {
    this.#session = session;
    this.#settings = settings;
    this.epoch = session.holder.epoch;
    const { createClient, webSocketImpl } = settings.subscriptions!;
    this.client = createClient({
      // In cookie mode the handshake has the cookies of its moment. graphql-ws would hang if this failed.
      url: async () => {
        if (session.mode === 'cookie') await this.#prepare().catch(() => {});
        return url.href;
      },
      connectionParams: async () => {
        if (session.mode === 'cookie') return undefined;
        await this.#prepare();
        const token = this.#shown?.credentials?.accessToken;
        return token == null ? undefined : { authorization: `Bearer ${token}` };
      },
      lazyCloseTimeout: LINGER,
      keepAlive: KEEP_ALIVE,
      retryAttempts: Number.POSITIVE_INFINITY,
      retryWait: (retries) => pause(retries),
      shouldRetry: (failure) => this.#shouldRetry(failure),
      ...(webSocketImpl === undefined ? {} : { webSocketImpl }),
      on: {
        connected: () => this.#noteConnection(),
        closed: (event) => this.#noteClose(event),
      },
    });
  }

  /** Whether an operation that begins now would be refused for the age of the token, or soon. */
  get isStale(): boolean {
    if (!this.#isConnected) return false;
    const { expiresAt, lifetime } = this.#shown?.credentials ?? {};
    if (expiresAt == null || lifetime == null) return false;
    return this.#holder.clock.now() >= expiresAt - marginOf(lifetime);
  }

  /** Ends all operations, each in its own way. */
  end(): void {
    for (const end of [...this.operations]) end();
    // It waits for a connection that is being made, which may fail.
    void (async () => this.client.dispose())().catch(() => {});
  }

  get #holder(): Holder {
    return this.#session.holder;
  }

  /** Sees to it that there are credentials that the service has not refused yet. */
  async #prepare(): Promise<void> {
    const { generation, grant } = this.#holder;
    await (this.#refused === generation ? this.#session.renew(grant) : this.#session.ready());
    // What listens as one person must not go on as another.
    if (this.#holder.epoch !== this.epoch) throw new VestibuleError('SESSION_CHANGED', 'the session has ended');
    this.#shown = { credentials: this.#holder.held, generation: this.#holder.generation };
  }

  #noteConnection(): void {
    this.#refusals = 0;
    this.#refused = null;
    this.#isConnected = true;
    if (this.#wasConnected && this.operations.size > 0) this.#settings.subscriptions?.onReconnected?.();
    this.#wasConnected = true;
  }

  #noteClose(event: unknown): void {
    this.#isConnected = false;
    const close = closeOf(event);
    if (!close || !isOfSession(close.code)) return;
    const reason = reasonFrom(close.reason);
    const end = endOf(reason);
    if (end) this.#session.end(end, this.epoch);
    else if (close.code === UNAUTHORIZED) void this.#ask();
    else if (reason === 'MISSING' && this.#session.mode === 'cookie') this.#session.end('MISSING', this.epoch);
    else {
      this.#refused = this.#shown?.generation ?? null;
      this.#refusals += 1;
    }
  }

  /** A socket was closed for want of a session, and nobody said why: a refresh tells. */
  async #ask(): Promise<void> {
    const { grant } = this.#holder;
    if (grant.epoch === this.epoch && grant.isSignedIn) await this.#session.renew(grant).catch(() => {});
  }

  /** Asked once for each operation. */
  #shouldRetry(failure: unknown): boolean {
    if (this.#holder.epoch !== this.epoch) return false;
    const close = closeOf(failure);
    if (close?.code !== FORBIDDEN) return true;
    const reason = reasonFrom(close.reason);
    return (reason === 'TOKEN_EXPIRED' || reason === 'TOKEN_INVALID') && this.#refusals <= MOST_REFUSALS;
  }
}

function pause(retries: number): Promise<void> {
  const most = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** retries);
  // Not all clients of a service that was away come back at the same moment.
  return new Promise((done) => setTimeout(done, most * (0.5 + Math.random() / 2)));
}
