// The types of the public API. Nothing here runs.

import type { ApolloLink } from '@apollo/client/link';
import type { BaseHttpLink } from '@apollo/client/link/http';
import type { Observable } from 'rxjs';

import type { VestibuleError } from './errors.js';

/**
 * How credentials travel.
 *
 * - `cookie`: in cookies that no script can read. Log in with `transport: COOKIE`.
 * - `bearer`: in the `Authorization` header. Log in with `transport: BEARER`, which is the default.
 */
export type TokenMode = 'cookie' | 'bearer';

/** Whether somebody is signed in. */
export type AuthStatus =
  /** Nobody has looked yet: call `restore()`, or run an operation. */
  | 'unknown'
  /** A session is there. */
  | 'signedIn'
  /** A session is there, and its tokens are being replaced. Operations wait. */
  | 'refreshing'
  /** There is no session. */
  | 'signedOut';

/**
 * Why a session is no more.
 *
 * - `SIGNED_OUT`: `signOut()` was called, in this tab or in another.
 * - `SESSION_REVOKED`: it was ended elsewhere: from another device, by a changed password, by the service.
 * - `SESSION_EXPIRED`: it was idle for too long, or reached its end.
 * - `TOKEN_INVALID`: the service refuses the tokens for good.
 * - `MISSING`: the cookies, or what was kept in the storage, are gone.
 * - `REPLACED`: somebody signed in anew, perhaps somebody else.
 */
export type EndReason =
  | 'SIGNED_OUT'
  | 'SESSION_REVOKED'
  | 'SESSION_EXPIRED'
  | 'TOKEN_INVALID'
  | 'MISSING'
  | 'REPLACED';

/** What is known of a session. Ids are null as long as nothing has told them. */
export interface SessionInfo {
  /** The id of the session, `sess_…`. */
  readonly id: string | null;
  /** The id of the person, `user_…`. */
  readonly userId: string | null;
}

/** Who is signed in, at one moment. A new object for each change, so that it can be compared by identity. */
export interface AuthState {
  readonly status: AuthStatus;
  /** The session while the status is `signedIn` or `refreshing`, else null. */
  readonly session: SessionInfo | null;
  /** Why there is none, if there was one that ended; else null. */
  readonly reason: EndReason | null;
}

/** The end of a session, as listeners of `onSessionEnd` get it. */
export interface SessionEnd {
  readonly session: SessionInfo;
  readonly reason: EndReason;
}

/** What `login`, `register` and `refresh` answer, as far as it matters here. Select these fields. */
export interface SignInPayload {
  /** Null in cookie mode. */
  readonly accessToken?: string | null;
  /** Null in cookie mode. Without one, the session ends for this instance when the access token does. */
  readonly refreshToken?: string | null;
  /** An instant as RFC 3339 has it. Null only where `register` signs nobody in. */
  readonly accessTokenExpiresAt?: string | null;
  readonly session?: { readonly id: string } | null;
  readonly user?: { readonly id: string } | null;
}

type MaybePromise<T> = T | Promise<T>;

/**
 * Where tokens are kept in bearer mode. `localStorage` has this form, AsyncStorage of React Native too,
 * and a key chain gets it with three lines. Values are JSON and hold both tokens.
 *
 * The key names the endpoint, and consists of letters, digits, `.`, `-` and `_`.
 */
export interface TokenStorage {
  getItem(key: string): MaybePromise<string | null | undefined>;
  setItem(key: string, value: string): MaybePromise<unknown>;
  removeItem(key: string): MaybePromise<unknown>;
}

/** The cookies of one request that a server renders a page for; `createCookieJar` makes one. */
export interface CookieJar {
  /** The value of the `Cookie` header for the service. */
  header(): string | null;
  /** Takes the `Set-Cookie` headers of an answer of the service. */
  store(setCookies: readonly string[]): void;
  /**
   * The `Set-Cookie` headers for the browser, at most one for each cookie. From now on nothing is
   * refreshed by this jar: a refresh token that the browser does not get would end the session later.
   */
  takeSetCookies(): string[];
  /** Whether `takeSetCookies` was called. */
  readonly isTaken: boolean;
}

/** What of a `Lock` and of `navigator.locks` is used. */
export interface LockManagerLike {
  request<T>(
    name: string,
    options: { signal?: AbortSignal; ifAvailable?: boolean },
    work: (lock: unknown) => Promise<T>,
  ): Promise<T>;
}

/** What of a `BroadcastChannel` is used. */
export interface ChannelLike {
  postMessage(message: unknown): void;
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void;
  close(): void;
}

/** How the tabs of one origin find each other. What is null is done without. */
export interface TabOptions {
  /** Without it `navigator.locks`, where there is such a thing. */
  readonly locks?: LockManagerLike | null;
  /** Makes the channel of this name. Without it `new BroadcastChannel(name)`, where there is such a thing. */
  readonly channel?: ((name: string) => ChannelLike) | null;
}

/** A close event of a socket, or what went wrong. */
export type SocketFailure = unknown;

/** What is asked of `createClient` of graphql-ws. */
export interface SocketClientOptions {
  url: () => Promise<string>;
  connectionParams: () => Promise<Record<string, unknown> | undefined>;
  lazyCloseTimeout: number;
  keepAlive: number;
  retryAttempts: number;
  retryWait: (retries: number) => Promise<void>;
  shouldRetry: (failure: SocketFailure) => boolean;
  webSocketImpl?: unknown;
  on: {
    connected: (socket: unknown, payload: unknown, wasRetry: boolean) => void;
    closed: (event: unknown) => void;
  };
}

/** What is used of the client that `createClient` of graphql-ws gives. */
export interface SocketClient {
  subscribe(
    payload: {
      query: string;
      variables?: Record<string, unknown> | null;
      operationName?: string | null;
      extensions?: Record<string, unknown> | null;
    },
    sink: {
      // Whatever graphql-ws calls a result.
      next(value: any): void;
      error(error: unknown): void;
      complete(): void;
    },
  ): () => void;
  dispose(): void | Promise<void>;
  terminate(): void;
}

/** Subscriptions, over a WebSocket. */
export interface SubscriptionOptions {
  /** `createClient` of graphql-ws 6. */
  readonly createClient: (options: SocketClientOptions) => SocketClient;
  /** Where the sockets of the service are: at the origin of the endpoint. Without it, the endpoint and `/ws`. */
  readonly url?: string | URL;
  /** A `WebSocket`, where the platform has none. */
  readonly webSocketImpl?: unknown;
  /**
   * Whether to listen to `sessionEvents` while somebody is signed in, so that a session that is ended
   * elsewhere ends here at once. True unless said otherwise. A tab has one socket for this and for its
   * own subscriptions.
   */
  readonly sessionEvents?: boolean;
  /** Called when a lost connection is there again. What happened meanwhile was not told: read it anew. */
  readonly onReconnected?: () => void;
}

/** What a Vestibule needs. */
export interface VestibuleOptions {
  /**
   * The GraphQL endpoint, such as `https://accounts.example.com/graphql`. In a page it may be relative to it.
   * Credentials go to its origin and to no other.
   */
  readonly endpoint: string | URL;
  readonly mode: TokenMode;
  /** Bearer mode: where tokens are kept. Without it, in memory. */
  readonly storage?: TokenStorage;
  /** Cookie mode on a server: the cookies of the request that is answered. */
  readonly cookies?: CookieJar;
  /** Without it, subscriptions fail. */
  readonly subscriptions?: SubscriptionOptions;
  /**
   * Whether tabs of this origin are one client: they refresh once for all, and sign in and out together.
   * True in a page, false elsewhere, unless said otherwise. Never share between people: on a server it
   * stays false.
   */
  readonly tabs?: boolean | TabOptions;
  /** Headers for every request, such as `X-Forwarded-For` from a server. Not `Authorization` or `Cookie`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** More for the HTTP link of Apollo Client. */
  readonly http?: Pick<
    BaseHttpLink.Options,
    'includeExtensions' | 'includeUnusedVariables' | 'preserveHeaderCase' | 'print' | 'useGETForQueries'
  >;
  /** Without it, the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch;
  /** Told of failures that no operation waits for, such as a storage that cannot be written. No error has a token. */
  readonly onError?: (error: VestibuleError) => void;
}

/** The session of one person with one service, and the link that uses it. */
export interface Vestibule {
  /**
   * The terminating link for `new ApolloClient({ link, … })`. It sends queries and mutations over HTTP and
   * subscriptions over a socket. An operation whose context has another `uri` goes there if that is of the
   * same origin, such as `/admin/graphql`.
   */
  readonly link: ApolloLink;
  /** The state of now. The same object until it changes. */
  getState(): AuthState;
  /** Calls the listener after each change. The answer ends that. */
  subscribe(listener: (state: AuthState) => void): () => void;
  /** The states from now on, that of now first. Never fails; completes with `dispose()`. */
  readonly states: Observable<AuthState>;
  /**
   * Calls the listener in every tab when a session has ended, whoever ended it, and before another one
   * begins: clear what is cached here. `signIn` and `signOut` wait for it, 5 s at most.
   */
  onSessionEnd(listener: (end: SessionEnd) => unknown): () => void;
  /**
   * Finds out who is signed in, when the status is `unknown`: from the storage, from the other tabs, or in
   * cookie mode by asking the service.
   *
   * @throws {@link VestibuleError} when the storage or the service does not answer. The status stays `unknown`.
   */
  restore(): Promise<AuthState>;
  /**
   * Takes what `login` or `register` answered. A session that was there before ends with `REPLACED`, for
   * this client alone: the service is not told.
   *
   * @returns whether somebody is signed in now: `register` may want the e-mail address verified first.
   * @throws TypeError for an answer of the other mode, or without the fields that are needed.
   */
  signIn(payload: SignInPayload): Promise<boolean>;
  /**
   * Ends the session, here, in all tabs and at the service. Here it ends in any case.
   *
   * @returns whether the service knows. If not (it could not be reached), the session lives on there; in
   * cookie mode the browser still has its cookies, and the service is told before the next operation.
   */
  signOut(): Promise<boolean>;
  /**
   * Bearer mode: a token that is good for some time yet, refreshed if need be; null if nobody is signed in.
   * For other services that verify tokens of this one. Send it to those alone.
   *
   * @throws {@link VestibuleError} when it cannot be refreshed now.
   */
  accessToken(): Promise<string | null>;
  /** Closes sockets and the channel, and stops what goes on. The session stays. */
  dispose(): void;
}
