// Sockets with a client that does what it is told: close codes, tokens, and the end of a session.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { ApolloClient, InMemoryCache, gql } from '@apollo/client';
import { ApolloLink } from '@apollo/client/link';

import { createVestibule, documents, type SocketClientOptions, type VestibuleOptions } from '../../src/index.js';
import { ME, play, run } from '../support/client.js';
import { ENDPOINT, FakeCookies, FakeService } from '../support/service.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

type Sink = Parameters<ReturnType<NonNullable<VestibuleOptions['subscriptions']>['createClient']>['subscribe']>[1];

/** Stands for `createClient` of graphql-ws: connects when it is told to. */
class FakeSocket {
  static all: FakeSocket[] = [];
  readonly sinks = new Map<Sink, string>();
  params: Record<string, unknown> | undefined;
  url = '';
  isDisposed = false;

  constructor(readonly options: SocketClientOptions) {
    FakeSocket.all.push(this);
  }

  /** As far as the first message. */
  async begin(): Promise<void> {
    this.url = await this.options.url();
    this.params = await this.options.connectionParams();
  }

  async connect(wasRetry = false): Promise<void> {
    await this.begin();
    this.options.on.connected({}, undefined, wasRetry);
  }

  /** The service closes it; answers whether the client would connect again. */
  close(code: number, reason: string): boolean {
    const event = { code, reason };
    this.options.on.closed(event);
    const isFatal = [4400, 4401, 4409, 4429].includes(code);
    // It asks for each of its operations.
    const answers = [...this.sinks.keys()].map((sink) => {
      const isTriedAgain = !isFatal && !this.isDisposed && this.options.shouldRetry(event);
      if (!isTriedAgain) sink.error(event);
      return isTriedAgain;
    });
    return answers.length > 0 && answers.every(Boolean);
  }

  readonly client = {
    subscribe: ({ query }: { query: string }, sink: Sink) => {
      this.sinks.set(sink, query);
      return () => void this.sinks.delete(sink);
    },
    // Rejects as graphql-ws does while a connection is being made.
    dispose: () => {
      this.isDisposed = true;
      return Promise.reject(new Error('no connection'));
    },
    terminate: () => {},
  };
}

const createClient = (options: SocketClientOptions) => new FakeSocket(options).client;

beforeEach(() => void (FakeSocket.all = []));

const NEWS = 'subscription { news }';

async function signedIn(options: Partial<VestibuleOptions> = {}, subscriptions = {}) {
  const service = new FakeService({ ttl: 300_000 });
  const cookies = options.mode === 'cookie' ? new FakeCookies() : undefined;
  const auth = createVestibule({
    endpoint: ENDPOINT,
    mode: 'bearer',
    fetch: service.fetchFor(cookies),
    subscriptions: { createClient, sessionEvents: false, ...subscriptions },
    ...options,
  });
  const ends: string[] = [];
  auth.onSessionEnd(({ reason }) => ends.push(reason));
  await play(auth.signIn(service.login('user_1', cookies)));
  return { service, auth, ends };
}

/** Subscribes; what comes. */
async function listen(auth: { link: ApolloLink }, query = NEWS) {
  const client = new ApolloClient({ link: auth.link, cache: new InMemoryCache() });
  const heard: string[] = [];
  const subscription = ApolloLink.execute(auth.link, { query: gql(query) }, { client }).subscribe({
    next: ({ data, errors }) => heard.push(errors ? String(errors[0]?.extensions?.['reason'] ?? errors[0]?.extensions?.['code']) : String(data?.['news'])),
    error: (error: { code?: string; message: string }) => heard.push(error.code ?? error.message),
    complete: () => heard.push('complete'),
  });
  await vi.advanceTimersByTimeAsync(5);
  return { heard, stop: () => subscription.unsubscribe() };
}

const refusal = (reason: string) => [{ message: 'x', extensions: { code: 'UNAUTHENTICATED', reason } }];

describe('the handshake', () => {
  test('has the token in its first message, and none in its URL', async () => {
    const { auth } = await signedIn();
    await listen(auth);
    await FakeSocket.all[0]!.connect();
    expect(FakeSocket.all[0]!.params).toEqual({ authorization: expect.stringMatching(/^Bearer at\.sess_1/) });
    expect(FakeSocket.all[0]!.url).toBe('wss://accounts.example.com/graphql/ws');
  });

  test('has a token that is fresh, each time', async () => {
    const { auth, service } = await signedIn();
    await listen(auth);
    const [socket] = FakeSocket.all;
    await socket!.connect();
    await vi.advanceTimersByTimeAsync(600_000);
    expect(socket!.close(1001, 'Going away')).toBe(true);
    await play(socket!.connect(true));
    expect(socket!.params).toEqual({ authorization: expect.stringMatching(/^Bearer at\.sess_1\.1/) });
    expect(service.count('refresh')).toBe(1);
  });

  test('with cookies has no token, and cookies that are fresh', async () => {
    const { auth, service } = await signedIn({ mode: 'cookie' });
    await listen(auth);
    await vi.advanceTimersByTimeAsync(600_000);
    await play(FakeSocket.all[0]!.connect());
    expect(FakeSocket.all[0]!.params).toBeUndefined();
    expect(service.count('refresh')).toBe(1);
  });

  test('is not made without a session', async () => {
    const service = new FakeService();
    const auth = createVestibule({ endpoint: ENDPOINT, mode: 'bearer', fetch: service.fetchFor(), subscriptions: { createClient } });
    const { heard } = await listen(auth);
    expect(heard).toEqual(['MISSING', 'complete']);
    expect(FakeSocket.all).toEqual([]);
  });

  test('goes on trying while there is no network, without a token that is old', async () => {
    const { auth, service } = await signedIn();
    await listen(auth);
    await vi.advanceTimersByTimeAsync(600_000);
    service.isReachable = false;
    const [socket] = FakeSocket.all;
    const error = await play(socket!.connect().catch((reason: unknown) => reason));
    expect(error).toMatchObject({ code: 'REFRESH_FAILED' });
    expect(socket!.options.shouldRetry(error)).toBe(true);
    expect(socket!.params).toBeUndefined();
  });
});

describe('what is closed', () => {
  test.each(['TOKEN_EXPIRED', 'TOKEN_INVALID'])('with 4403 %s is tried again with a new token, twice', async (reason) => {
    const { auth, service, ends } = await signedIn();
    const { heard } = await listen(auth);
    const [socket] = FakeSocket.all;
    await listen(auth);
    await listen(auth);
    const tokens: unknown[] = [];
    for (const isTriedAgain of [true, true, false]) {
      await play(socket!.begin());
      tokens.push(socket!.params?.['authorization']);
      expect(socket!.close(4403, reason)).toBe(isTriedAgain);
    }
    expect(new Set(tokens).size).toBe(3);
    expect(service.count('refresh')).toBe(2);
    expect(ends).toEqual([]);
    expect(heard).toEqual([reason, 'complete']);
  });

  test.each([
    [4401, 'SESSION_REVOKED'],
    [4401, 'SESSION_EXPIRED'],
    [4403, 'SESSION_REVOKED'],
    [4403, 'SESSION_EXPIRED'],
  ])('with %i %s ends the session, and what listens is told', async (code, reason) => {
    const { auth, ends, service } = await signedIn();
    const { heard } = await listen(auth);
    const [socket] = FakeSocket.all;
    await socket!.connect();
    expect(socket!.close(code, reason)).toBe(false);
    expect(ends).toEqual([reason]);
    expect(auth.getState()).toMatchObject({ status: 'signedOut', reason });
    await vi.advanceTimersByTimeAsync(10);
    expect(heard).toEqual([reason, 'complete']);
    expect(socket!.isDisposed).toBe(true);
    await play(run(auth, ME));
    expect(service.seen.at(-1)?.token).toBeNull();
  });

  test('with 4401 and another reason asks the service', async () => {
    const { auth, ends, service } = await signedIn();
    await listen(auth);
    await FakeSocket.all[0]!.connect();
    FakeSocket.all[0]!.close(4401, '');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(ends).toEqual([]);
    service.end('sess_1');
    FakeSocket.all[0]!.close(4401, 'Unauthorized');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(ends).toEqual(['SESSION_REVOKED']);
  });

  test('with 4403 MISSING is the end of a session of cookies', async () => {
    const { auth, ends } = await signedIn({ mode: 'cookie' });
    await listen(auth);
    await FakeSocket.all[0]!.connect();
    expect(FakeSocket.all[0]!.close(4403, 'MISSING')).toBe(false);
    expect(ends).toEqual(['MISSING']);
  });

  test.each([
    [1001, 'Going away'],
    [1006, ''],
    [1013, 'Too many sockets'],
    [4408, 'Connection initialisation timeout'],
  ])('with %i %s is tried again, and the session stays', async (code, reason) => {
    const { auth, ends } = await signedIn();
    const { heard } = await listen(auth);
    await FakeSocket.all[0]!.connect();
    expect(FakeSocket.all[0]!.close(code, reason)).toBe(true);
    expect([ends, heard]).toEqual([[], []]);
  });

  test('with ACCOUNT_SUSPENDED is told, and the session stays', async () => {
    const { auth, ends } = await signedIn();
    const { heard } = await listen(auth);
    expect(FakeSocket.all[0]!.close(4403, 'ACCOUNT_SUSPENDED')).toBe(false);
    expect(heard).toEqual(['SOCKET_CLOSED']);
    expect(ends).toEqual([]);
  });
});

describe('an operation', () => {
  test('that is refused for its token begins again once, over a new socket', async () => {
    const { auth, service } = await signedIn();
    const { heard } = await listen(auth);
    const [first] = FakeSocket.all;
    await first!.connect();
    [...first!.sinks.keys()][0]!.error(refusal('TOKEN_EXPIRED'));
    await vi.advanceTimersByTimeAsync(100);
    expect(service.count('refresh')).toBe(1);
    expect(FakeSocket.all.length).toBe(2);
    expect(first!.sinks.size).toBe(0);
    const [sink] = [...FakeSocket.all[1]!.sinks.keys()];
    sink!.next({ data: { news: 'one' } });
    sink!.error(refusal('TOKEN_EXPIRED'));
    await vi.advanceTimersByTimeAsync(100);
    expect(heard).toEqual(['one', 'TOKEN_EXPIRED', 'complete']);
    expect(service.count('refresh')).toBe(1);
  });

  test('that begins when the token of the socket is old gets a socket of its own, and the other one stays', async () => {
    const { auth } = await signedIn();
    const one = await listen(auth);
    await FakeSocket.all[0]!.connect();
    await listen(auth);
    expect(FakeSocket.all.length).toBe(1);
    await vi.advanceTimersByTimeAsync(280_000);
    const later = listen(auth);
    await vi.advanceTimersByTimeAsync(100);
    await later;
    expect(FakeSocket.all.length).toBe(2);
    [...FakeSocket.all[0]!.sinks.keys()][0]!.next({ data: { news: 'still' } });
    expect(one.heard).toEqual(['still']);
    expect(FakeSocket.all[0]!.isDisposed).toBe(false);
  });

  test('of one person never goes on as another', async () => {
    const { auth, service, ends } = await signedIn();
    const { heard } = await listen(auth);
    const [socket] = FakeSocket.all;
    await socket!.connect();
    await play(auth.signIn(service.login('user_2')));
    expect(ends).toEqual(['REPLACED']);
    expect(heard).toEqual(['complete']);
    expect(socket!.sinks.size).toBe(0);
    expect(socket!.isDisposed).toBe(true);
    // Should the client connect once more all the same, it gets no token.
    socket!.params = undefined;
    await expect(socket!.connect()).rejects.toMatchObject({ code: 'SESSION_CHANGED' });
    expect(socket!.params).toBeUndefined();
  });

  test('ends quietly with a sign-out', async () => {
    const { auth } = await signedIn();
    const { heard } = await listen(auth);
    await play(auth.signOut());
    expect(heard).toEqual(['complete']);
  });

  test('that nobody wants any more is left', async () => {
    const { auth } = await signedIn();
    const { stop } = await listen(auth);
    expect(FakeSocket.all[0]!.sinks.size).toBe(1);
    stop();
    expect(FakeSocket.all[0]!.sinks.size).toBe(0);
  });
});

describe('session events', () => {
  const eventsOf = (socket: FakeSocket) => [...socket.sinks].find(([, query]) => query === documents.sessionEvents)?.[0];

  test('are listened to while somebody is signed in, and end the session that they name', async () => {
    const { auth, ends } = await signedIn({}, { sessionEvents: true });
    await vi.advanceTimersByTimeAsync(5);
    const sink = eventsOf(FakeSocket.all[0]!)!;
    sink.next({ data: { sessionEvents: { type: 'CREATED', sessionId: 'sess_2', endsCurrentSession: false } } });
    expect(ends).toEqual([]);
    sink.next({ data: { sessionEvents: { type: 'OTHERS_REVOKED', sessionId: 'sess_2', endsCurrentSession: true } } });
    expect(ends).toEqual(['SESSION_REVOKED']);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(FakeSocket.all.length).toBe(1);
    expect(auth.getState().status).toBe('signedOut');
  });

  test('that fail are listened to again, less and less often', async () => {
    const { ends } = await signedIn({}, { sessionEvents: true });
    await vi.advanceTimersByTimeAsync(5);
    let begun = 0;
    for (let passed = 0; passed < 240_000; passed += 100) {
      for (const socket of FakeSocket.all) {
        const sink = eventsOf(socket);
        if (!sink) continue;
        begun += 1;
        socket.sinks.delete(sink);
        sink.error([{ message: 'x', extensions: { code: 'OVERLOADED' } }]);
      }
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(begun).toBeGreaterThan(5);
    expect(begun).toBeLessThan(12);
    expect(ends).toEqual([]);
  });

  test('share the socket with the subscriptions of the application', async () => {
    const { auth } = await signedIn({}, { sessionEvents: true });
    await listen(auth);
    expect(FakeSocket.all.length).toBe(1);
    expect(FakeSocket.all[0]!.sinks.size).toBe(2);
  });

  test('of the one who signs in next are another matter', async () => {
    const { auth, service, ends } = await signedIn({}, { sessionEvents: true });
    await vi.advanceTimersByTimeAsync(5);
    const sink = eventsOf(FakeSocket.all[0]!)!;
    await play(auth.signIn(service.login('user_2')));
    sink.next({ data: { sessionEvents: { endsCurrentSession: true } } });
    expect(ends).toEqual(['REPLACED']);
    expect(auth.getState().session?.userId).toBe('user_2');
    await vi.advanceTimersByTimeAsync(5);
    expect(eventsOf(FakeSocket.all[1]!)).toBeDefined();
  });
});

test('a lost connection that is there again is told', async () => {
  const onReconnected = vi.fn();
  const { auth } = await signedIn({}, { onReconnected });
  await listen(auth);
  await FakeSocket.all[0]!.connect();
  expect(onReconnected).not.toHaveBeenCalled();
  FakeSocket.all[0]!.close(1006, '');
  await FakeSocket.all[0]!.connect(true);
  expect(onReconnected).toHaveBeenCalledOnce();
});
