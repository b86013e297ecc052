// A service in memory: sessions, rotation with grace and reuse detection, as README.md of the project has it.

import { parse, Kind, type FieldNode } from 'graphql';

export const ENDPOINT = 'https://accounts.example.com/graphql';

interface FakeSession {
  readonly id: string;
  readonly userId: string;
  rotation: number;
  retired: { rotation: number; at: number }[];
  isEnded: boolean;
}

export interface Refusal {
  readonly code: string;
  readonly reason?: string;
  readonly retryAfter?: number;
}

export interface Seen {
  readonly url: string;
  readonly field: string;
  readonly token: string | null;
  readonly init: RequestInit;
  readonly variables: Record<string, unknown>;
}

const GRACE = 10_000;

/** Cookies of one browser. */
export class FakeCookies {
  access: string | null = null;
  refresh: string | null = null;
}

export class FakeService {
  readonly sessions: FakeSession[] = [];
  readonly seen: Seen[] = [];
  /** Milliseconds that an access token is good for. */
  ttl: number;
  /** Milliseconds that an answer takes. */
  latency = 20;
  /** What the clock of the service shows beyond that of the client. */
  ahead = 0;
  /** Whether answers have the header `Date`. */
  tellsDate = false;
  /** Whether there is a network. */
  isReachable = true;
  /** How many answers get lost after the work is done. */
  loses = 0;
  /** Requests that are never answered. */
  hangs = 0;
  /** Refusals of the field of this name, until they are removed. */
  readonly refusals = new Map<string, Refusal>();
  /** Mutations that were done. */
  readonly done: string[] = [];

  constructor({ ttl = 300_000 } = {}) {
    this.ttl = ttl;
  }

  count(field: string): number {
    return this.seen.filter((seen) => seen.field === field).length;
  }

  get now(): number {
    return Date.now() + this.ahead;
  }

  /** The answer to a login. */
  login(userId = 'user_1', cookies?: FakeCookies) {
    const session: FakeSession = {
      id: `sess_${this.sessions.length + 1}`,
      userId,
      rotation: 0,
      retired: [],
      isEnded: false,
    };
    this.sessions.push(session);
    return this.#payload(session, cookies);
  }

  end(id: string): void {
    this.sessions.find((session) => session.id === id)!.isEnded = true;
  }

  /** `fetch` for one browser. */
  fetchFor(cookies?: FakeCookies): typeof fetch {
    return async (input, init = {}) => {
      if (!this.isReachable) {
        await later(2);
        throw new TypeError('fetch failed');
      }
      const { query, variables = {} } = JSON.parse(String(init.body)) as { query: string; variables?: Record<string, unknown> };
      const headers = new Headers(init.headers);
      const token = headers.get('authorization')?.replace(/^Bearer /, '') ?? null;
      const fields = fieldsOf(query);
      this.seen.push({ url: String(input), field: fields[0]!.name.value, token, init, variables });
      await later(this.latency / 2, init.signal);
      if (this.hangs > 0) {
        this.hangs -= 1;
        await later(1e9, init.signal);
      }
      const given: FakeCookies | undefined = cookies && Object.assign(new FakeCookies(), cookies);
      const body = this.#execute(fields, token ?? given?.access ?? null, variables, given, init);
      const areSet = given && (given.access !== cookies?.access || given.refresh !== cookies?.refresh);
      await later(this.latency / 2, init.signal);
      if (this.loses > 0) {
        this.loses -= 1;
        throw new TypeError('connection lost');
      }
      if (cookies && areSet) Object.assign(cookies, given);
      return new Response(JSON.stringify(body), {
        headers: {
          'content-type': 'application/graphql-response+json',
          ...(this.tellsDate && { date: new Date(this.now).toUTCString() }),
        },
      });
    };
  }

  #execute(
    fields: FieldNode[],
    token: string | null,
    variables: Record<string, unknown>,
    cookies: FakeCookies | undefined,
    init: RequestInit,
  ) {
    const data: Record<string, unknown> = {};
    const errors: unknown[] = [];
    for (const field of fields) {
      const key = (field.alias ?? field.name).value;
      const result = this.#resolve(field.name.value, token, variables, cookies, init);
      if ('refusal' in result) {
        const { code, ...more } = result.refusal;
        errors.push({ message: `refused: ${code}`, path: [key], extensions: { code, ...more } });
        if (field.name.value !== 'me') return { data: null, errors };
        data[key] = null;
      } else {
        data[key] = result.value;
      }
    }
    return { data, ...(errors.length > 0 && { errors }) };
  }

  #resolve(
    name: string,
    token: string | null,
    variables: Record<string, unknown>,
    cookies: FakeCookies | undefined,
    init: RequestInit,
  ): { refusal: Refusal } | { value: unknown } {
    const refusal = this.refusals.get(name);
    if (refusal) return { refusal };
    const input = (variables['input'] ?? {}) as { refreshToken?: string };
    const withCookies = init.credentials === 'include' ? cookies : undefined;
    switch (name) {
      case 'me': {
        if (token === null) return { value: null };
        const who = this.#authenticate(token);
        return 'refusal' in who ? who : { value: { __typename: 'User', id: who.session.userId } };
      }
      case 'login': {
        return { value: this.login('user_1', withCookies) };
      }
      case 'refresh': {
        const given = input.refreshToken ?? withCookies?.refresh ?? null;
        return this.#refresh(given, input.refreshToken === undefined ? withCookies : undefined);
      }
      case 'logout': {
        const given = input.refreshToken ?? withCookies?.refresh ?? token;
        const session = this.sessions.find(({ id }) => given?.includes(`${id}_`) || given?.includes(`${id}.`));
        if (session) session.isEnded = true;
        if (withCookies && input.refreshToken === undefined) Object.assign(withCookies, { access: null, refresh: null });
        return { value: { success: session !== undefined } };
      }
      case 'passwordStrength':
        return { value: { score: 3 } };
      case 'requestPasswordReset':
        this.done.push(name);
        return { value: { ticket: 'vtk_1' } };
      default: {
        if (token === null) return { refusal: { code: 'UNAUTHENTICATED', reason: 'MISSING' } };
        const who = this.#authenticate(token);
        if ('refusal' in who) return who;
        this.done.push(`${name} of ${who.session.userId}`);
        return { value: { __typename: 'Payload' } };
      }
    }
  }

  #authenticate(token: string): { refusal: Refusal } | { session: FakeSession } {
    const refuse = (reason: string) => ({ refusal: { code: 'UNAUTHENTICATED', reason } });
    const [, id, expiresAt] = /^at\.(sess_\d+)\.\d+\.(\d+)$/.exec(token) ?? [];
    const session = this.sessions.find((each) => each.id === id);
    if (!session) return refuse('TOKEN_INVALID');
    if (session.isEnded) return refuse('SESSION_REVOKED');
    return this.now >= Number(expiresAt) ? refuse('TOKEN_EXPIRED') : { session };
  }

  #refresh(token: string | null, cookies: FakeCookies | undefined): { refusal: Refusal } | { value: unknown } {
    if (token === null) return { refusal: { code: 'UNAUTHENTICATED', reason: 'MISSING' } };
    const [, id, rotation] = /^vrt_(sess_\d+)_(\d+)$/.exec(token) ?? [];
    const session = this.sessions.find((each) => each.id === id);
    if (!session) return { refusal: { code: 'TOKEN_INVALID' } };
    const revoked = { refusal: { code: 'UNAUTHENTICATED', reason: 'SESSION_REVOKED' } };
    if (session.isEnded) return revoked;
    if (Number(rotation) === session.rotation) {
      session.retired.push({ rotation: session.rotation, at: this.now });
      session.rotation += 1;
      return { value: this.#payload(session, cookies) };
    }
    const retired = session.retired.find((each) => each.rotation === Number(rotation));
    if (retired && this.now < retired.at + GRACE) return { value: this.#payload(session, cookies) };
    session.isEnded = true;
    return revoked;
  }

  #payload(session: FakeSession, cookies?: FakeCookies) {
    const expiresAt = this.now + this.ttl;
    const access = `at.${session.id}.${session.rotation}.${expiresAt}`;
    const refresh = `vrt_${session.id}_${session.rotation}`;
    if (cookies) Object.assign(cookies, { access, refresh });
    return {
      accessToken: cookies ? null : access,
      refreshToken: cookies ? null : refresh,
      accessTokenExpiresAt: new Date(expiresAt).toISOString(),
      session: { id: session.id },
      user: { id: session.userId },
    };
  }
}

function fieldsOf(query: string): FieldNode[] {
  const [definition] = parse(query).definitions;
  if (definition?.kind !== Kind.OPERATION_DEFINITION) throw new Error('no operation');
  return definition.selectionSet.selections.filter((selection) => selection.kind === Kind.FIELD);
}

function later(ms: number, signal?: AbortSignal | null): Promise<void> {
  return new Promise((done, fail) => {
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      fail(signal.reason as Error);
    });
  });
}
