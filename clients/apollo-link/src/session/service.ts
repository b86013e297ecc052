// What is asked of the service besides the operations of the application: refresh, logout, who am I.

import type { EndReason, SignInPayload } from '../api.js';
import { documents } from '../documents.js';
import { VestibuleError } from '../errors.js';
import type { Settings } from '../settings.js';
import type { ServiceClock } from './clock.js';
import { credentialsOf, type Credentials } from './credentials.js';
import { guardedFetch } from './guard.js';
import { endOf, reasonOf, type Reason, type ServiceError } from './refusal.js';

/** What a refresh comes to. */
export type RefreshOutcome =
  | { readonly kind: 'renewed'; readonly credentials: Credentials }
  /** The service refuses for good. */
  | { readonly kind: 'over'; readonly reason: EndReason }
  /** The service refuses for now. */
  | {
      readonly kind: 'refused';
      readonly errors: readonly ServiceError[];
      readonly mayPass: boolean;
      /** In seconds. */
      readonly retryAfter: number | null;
    }
  /** There was no answer that says anything. */
  | { readonly kind: 'failed'; readonly cause: unknown };

/** Who the service takes the caller for. */
export type WhoAmI =
  | { readonly kind: 'somebody'; readonly userId: string | null }
  | { readonly kind: 'nobody' }
  | { readonly kind: 'refused'; readonly reason: Reason }
  | { readonly kind: 'failed'; readonly cause: unknown };

interface Answer {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly ServiceError[];
}

/** What is over soon, perhaps before the time for which an answer that got lost can be had again. */
const PASSING: ReadonlySet<unknown> = new Set(['SERVICE_UNAVAILABLE', 'OVERLOADED', 'INTERNAL_SERVER_ERROR']);

export class Service {
  readonly #settings: Settings;
  readonly #clock: ServiceClock;

  constructor(settings: Settings, clock: ServiceClock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /** Exchanges the refresh token, or in cookie mode the cookie, for new ones. */
  async refresh(refreshToken: string | null, signal: AbortSignal): Promise<RefreshOutcome> {
    if (this.#settings.cookies?.isTaken) {
      const message = 'a refresh was needed after takeSetCookies(): call restore() before it';
      return { kind: 'failed', cause: new VestibuleError('COOKIES_TAKEN', message) };
    }
    try {
      const { data, errors } = await this.#ask(documents.refresh, inputOf(refreshToken), signal);
      const payload = data?.['refresh'];
      if (!payload) return outcomeOf(errors ?? []);
      const credentials = credentialsOf(payload as SignInPayload, this.#settings.mode, this.#clock.now());
      if (!credentials) throw new TypeError('the answer to a refresh signs nobody in');
      return { kind: 'renewed', credentials };
    } catch (cause) {
      return { kind: 'failed', cause };
    }
  }

  /** Ends the session. Answers whether the service has done so. */
  async logout(credentials: Credentials | null, signal: AbortSignal): Promise<boolean> {
    const token = credentials?.refreshToken ?? null;
    // Without a refresh token the access token says which session.
    const accessToken = token === null ? (credentials?.accessToken ?? null) : null;
    try {
      const { data } = await this.#ask(documents.logout, inputOf(token), signal, accessToken);
      return Boolean(data?.['logout']);
    } catch {
      return false;
    }
  }

  async whoAmI(signal: AbortSignal): Promise<WhoAmI> {
    try {
      const { data, errors } = await this.#ask(documents.whoAmI, {}, signal);
      const reason = reasonOf(errors);
      if (reason !== undefined) return { kind: 'refused', reason };
      if (errors?.length) throw new Error(`the service answers ${codeOf(errors) ?? 'with an error'}`);
      const me = data?.['me'] as { id?: unknown } | null | undefined;
      if (!me) return { kind: 'nobody' };
      return { kind: 'somebody', userId: typeof me.id === 'string' ? me.id : null };
    } catch (cause) {
      return { kind: 'failed', cause };
    }
  }

  async #ask(
    query: string,
    variables: Record<string, unknown>,
    signal: AbortSignal,
    accessToken: string | null = null,
  ): Promise<Answer> {
    const send = guardedFetch(this.#settings, this.#clock, () => accessToken);
    const answer = await send(this.#settings.endpoint, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json, application/json;q=0.9',
      },
      body: JSON.stringify({ query, variables }),
      signal,
    });
    const body = parsed(await answer.text());
    if (typeof body !== 'object' || body === null || !('data' in body || 'errors' in body)) {
      throw new Error(`the answer is no answer of GraphQL, status ${answer.status}`);
    }
    return body as Answer;
  }
}

/** JSON, or undefined: an error of `JSON.parse` quotes what it was given, which may be a token. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const inputOf = (refreshToken: string | null) => ({ input: refreshToken === null ? {} : { refreshToken } });

const codeOf = (errors: readonly ServiceError[]): unknown => errors[0]?.extensions?.['code'];

/** What a refused refresh means. Only what the service says of the session itself ends it. */
function outcomeOf(errors: readonly ServiceError[]): RefreshOutcome {
  const code = codeOf(errors);
  if (code === 'TOKEN_INVALID') return { kind: 'over', reason: 'TOKEN_INVALID' };
  const reason = reasonOf(errors);
  if (reason === 'MISSING' || reason === 'TOKEN_INVALID') return { kind: 'over', reason };
  const end = reason && endOf(reason);
  if (end) return { kind: 'over', reason: end };
  if (errors.length === 0) return { kind: 'failed', cause: new Error('the answer has neither data nor errors') };
  const retryAfter = errors[0]?.extensions?.['retryAfter'];
  return {
    kind: 'refused',
    errors,
    mayPass: PASSING.has(code),
    retryAfter: typeof retryAfter === 'number' && retryAfter > 0 ? retryAfter : null,
  };
}
