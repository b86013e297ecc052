// A real service, with a proxy before it that counts what comes to it and can lose what it answers.

import { existsSync, rmSync } from 'node:fs';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { resolve } from 'node:path';
import { BroadcastChannel } from 'node:worker_threads';

import { ApolloClient, gql, InMemoryCache } from '@apollo/client';
import { createClient } from 'graphql-ws';
import type { TestContext } from 'vitest';
import { WebSocket } from 'ws';

import { createVestibule, type ChannelLike, type Vestibule, type VestibuleOptions } from '../../src/index.js';
import { FakeLocks } from '../support/browser.js';

/** What is used of `web/e2e/service.mjs`. */
export interface RunningService {
  readonly url: string;
  readonly port: number;
  readonly folder: string;
  readonly process: { readonly child: { kill(signal: string): boolean }; readonly ended: Promise<unknown> };
  ask(query: string, options?: { token?: string; variables?: Record<string, unknown> }): Promise<Record<string, any>>;
  stop(): Promise<unknown>;
  log(): string;
}

const { Service } = (await import(resolve(import.meta.dirname, '../../../../web/e2e/service.mjs'))) as {
  Service: {
    start(settings?: Record<string, string>, place?: { port?: number; folder?: string }): Promise<RunningService>;
  };
};

if (!existsSync(process.env['VESTIBULE_BIN'] ?? '')) throw new Error('VESTIBULE_BIN must name the program of the service');

/** The test that something is for, and with which it ends. */
export type Test = Pick<TestContext, 'onTestFinished'>;

/** Starts a service whose access tokens live 2 s, unless told otherwise. */
export async function startService(
  test: Test,
  settings: Record<string, string> = {},
  place: { port?: number; folder?: string } = {},
): Promise<RunningService> {
  const service = await Service.start({ ACCESS_TOKEN_TTL: '2s', ...settings }, place);
  test.onTestFinished(async () => {
    service.process.child.kill('SIGKILL');
    await service.process.ended;
    rmSync(service.folder, { recursive: true, force: true });
  });
  return service;
}

/** Passes on what comes to it, sockets too. */
export class Proxy {
  /** What came over HTTP: the name of the field and the token, if there was one. */
  readonly seen: { readonly name: string; readonly token: string | undefined; readonly url: string }[] = [];
  /** What came as the handshake of a socket. */
  sockets = 0;
  /** Loses the next answers to operations of this name, after the service has done its work. */
  readonly losing = new Map<string, number>();
  readonly #open = new Set<Socket>();
  readonly #server: Server;
  readonly #service: RunningService;

  private constructor(service: RunningService) {
    this.#service = service;
    this.#server = createServer((asked, answer) => this.#pass(asked, answer));
    this.#server.on('upgrade', (asked: IncomingMessage, socket: Socket, head: Buffer) => this.#upgrade(asked, socket, head));
  }

  static async before(test: Test, service: RunningService): Promise<Proxy> {
    const proxy = new Proxy(service);
    await new Promise<void>((done) => proxy.#server.listen(0, '127.0.0.1', done));
    test.onTestFinished(() => {
      proxy.cut();
      proxy.#server.closeAllConnections();
      proxy.#server.close();
    });
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  count(name: string): number {
    return this.seen.filter((each) => each.name === name).length;
  }

  /** Breaks every socket that is open. */
  cut(): void {
    for (const socket of this.#open) socket.destroy();
  }

  #pass(asked: IncomingMessage, answer: ServerResponse): void {
    const chunks: Buffer[] = [];
    asked.on('data', (chunk: Buffer) => chunks.push(chunk));
    asked.on('end', () => {
      const body = Buffer.concat(chunks);
      const { query = '' } = JSON.parse(body.toString() || '{}') as { query?: string };
      const name = /\{\s*(?:\w+:\s*)?(\w+)/.exec(query)?.[1] ?? '';
      this.seen.push({ name, token: asked.headers.authorization, url: asked.url ?? '' });
      const { url: path, method, headers } = asked;
      const passed = request({ host: '127.0.0.1', port: this.#service.port, path, method, headers }, (given) => {
        const loses = this.losing.get(name) ?? 0;
        if (loses > 0) {
          this.losing.set(name, loses - 1);
          given.resume().on('end', () => answer.destroy());
          return;
        }
        answer.writeHead(given.statusCode!, given.headers);
        given.pipe(answer);
      });
      passed.on('error', () => answer.destroy());
      passed.end(body);
    });
  }

  #upgrade(asked: IncomingMessage, socket: Socket, head: Buffer): void {
    this.sockets += 1;
    const upstream = connect(this.#service.port, '127.0.0.1', () => {
      const lines = asked.rawHeaders.flatMap((name, i, all) => (i % 2 ? [] : [`${name}: ${all[i + 1]}`]));
      upstream.write(`${asked.method} ${asked.url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    for (const [one, other] of [[socket, upstream], [upstream, socket]] as const) {
      this.#open.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.#open.delete(one);
        other.destroy();
      });
    }
  }
}

/** The cookies of a browser, for `fetch` of Node. */
export class Browser {
  readonly cookies = new Map<string, string>();
  readonly locks = new FakeLocks();
  readonly #test: Test;

  constructor(test: Test) {
    this.#test = test;
  }

  /** `fetch` with the cookies of this browser. */
  wrap(send: typeof fetch): typeof fetch {
    return async (input, init = {}) => {
      const headers = new Headers(init.headers);
      if (init.credentials === 'include') headers.set('cookie', this.header);
      const answer = await send(input, { ...init, headers });
      if (init.credentials === 'include') this.take(answer.headers.getSetCookie());
      return answer;
    };
  }

  /** `WebSocket` with the cookies of this browser. */
  get WebSocket(): typeof WebSocket {
    const header = () => this.header;
    return class extends WebSocket {
      constructor(url: string, protocols: string) {
        super(url, protocols, { headers: { cookie: header() } });
      }
    } as typeof WebSocket;
  }

  get header(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  take(lines: readonly string[]): void {
    for (const line of lines) this.#take(line);
  }

  /** A tab, which shares locks and a channel with the others. */
  tab(options: Pick<VestibuleOptions, 'endpoint' | 'mode'> & Partial<VestibuleOptions>): Tab {
    const channel = (name: string) => new BroadcastChannel(name) as unknown as ChannelLike;
    return openTab(this.#test, { fetch: this.wrap(fetch), tabs: { locks: this.locks, channel }, ...options });
  }

  #take(line: string): void {
    const [pair = ''] = line.split(';');
    const at = pair.indexOf('=');
    if (/max-age=0/i.test(line)) this.cookies.delete(pair.slice(0, at));
    else this.cookies.set(pair.slice(0, at), pair.slice(at + 1));
  }
}

export interface Tab {
  readonly auth: Vestibule;
  readonly client: ApolloClient;
  readonly ends: string[];
}

export function openTab(test: Test, options: VestibuleOptions): Tab {
  const auth = createVestibule(options);
  const client = new ApolloClient({
    link: auth.link,
    cache: new InMemoryCache(),
    queryDeduplication: false,
    defaultOptions: { query: { fetchPolicy: 'no-cache' } },
  });
  const ends: string[] = [];
  auth.onSessionEnd(({ reason }) => {
    ends.push(reason);
    return client.clearStore();
  });
  test.onTestFinished(() => auth.dispose());
  return { auth, client, ends };
}

export const sockets = (more: Partial<NonNullable<VestibuleOptions['subscriptions']>> = {}) =>
  ({ createClient, webSocketImpl: WebSocket, ...more }) satisfies VestibuleOptions['subscriptions'];

const FIELDS = 'user { id } session { id } accessToken refreshToken accessTokenExpiresAt';
const REGISTER = gql(`mutation ($input: RegisterInput!) { register(input: $input) { ${FIELDS} } }`);
const LOGIN = gql(`mutation ($input: LoginInput!) { login(input: $input) { ${FIELDS} } }`);
export const ME = gql('query Me { me { id name } }');
export const RENAME = gql('mutation ($name: String!) { updateProfile(input: { name: $name }) { user { id name } } }');
export const SESSION_EVENTS = gql('subscription { sessionEvents { type sessionId endsCurrentSession } }');

export interface Person {
  readonly email: string;
  readonly password: string;
  readonly id: string;
  readonly session: string;
}

/**
 * Registers somebody new over the link, as an application does. `isMisled` makes this side take the token
 * for one that lives for years, so that only a refusal tells that it has expired.
 */
export async function register(
  { auth, client }: Tab,
  transport: 'COOKIE' | 'BEARER',
  { isMisled = false } = {},
): Promise<Person> {
  const unique = `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 10)}`;
  const person = { email: `person-${unique}@example.com`, password: `correct horse ${unique}` };
  const input = { ...person, name: 'Ada Lovelace', transport };
  const { data } = await client.mutate<any>({ mutation: REGISTER, variables: { input } });
  const misled = isMisled && { accessTokenExpiresAt: '2100-01-01T00:00:00.000Z' };
  if (!(await auth.signIn({ ...data.register, ...misled }))) throw new Error('nobody is signed in');
  return { ...person, id: data.register.user.id, session: data.register.session.id };
}

export async function logIn({ auth, client }: Tab, { email, password }: Person, transport: 'COOKIE' | 'BEARER'): Promise<string> {
  const { data } = await client.mutate<any>({ mutation: LOGIN, variables: { input: { email, password, transport } } });
  await auth.signIn(data.login);
  return data.login.session.id;
}

/** Runs `me` many times at once: how long it took, in milliseconds, and what has failed. */
export async function storm(tabs: readonly Tab[], count: number) {
  const begin = Date.now();
  const answers = await Promise.allSettled(
    Array.from({ length: count }, (_, i) => tabs[i % tabs.length]!.client.query<any>({ query: ME })),
  );
  const failures = answers.flatMap((answer) => {
    if (answer.status === 'rejected') return [String(answer.reason)];
    return answer.value.data?.me ? [] : ['nobody'];
  });
  return { failures, count: answers.length, took: Date.now() - begin };
}

/** Longer than an access token lives. */
export const LIFE = 2_100;

/**
 * Waits until an access token has expired, and a second has just begun: expiries are whole seconds, so the next
 * token lives for nearly two.
 */
export async function expiry(): Promise<void> {
  await sleep(LIFE);
  await sleep(1_020 - (Date.now() % 1_000));
}

export function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

export async function until(what: string, probe: () => unknown, ms = 10_000): Promise<void> {
  for (const end = Date.now() + ms; !probe(); await sleep(20)) {
    if (Date.now() > end) throw new Error(`${what}: not within ${ms} ms`);
  }
}
