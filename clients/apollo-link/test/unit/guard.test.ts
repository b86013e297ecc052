// Where credentials go, and where they never go.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { createVestibule, documents, VestibuleError, type AuthState, type VestibuleOptions } from '../../src/index.js';
import { failure, ME, play, run } from '../support/client.js';
import { ENDPOINT, FakeService } from '../support/service.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

async function signedIn(service: FakeService, options: Partial<VestibuleOptions> = {}) {
  const auth = createVestibule({ endpoint: ENDPOINT, mode: 'bearer', fetch: service.fetchFor(), ...options });
  await play(auth.signIn(service.login()));
  return auth;
}

test.each([
  'https://evil.example/graphql',
  'https://accounts.example.com.evil.example/graphql',
  'https://accounts.example.com:8443/graphql',
  'http://accounts.example.com/graphql',
  'https://user@accounts.example.com/graphql',
  '//evil.example/graphql',
  'data:,x',
])('nothing is sent to %s, whatever the context says', async (uri) => {
  const service = new FakeService();
  const auth = await signedIn(service);
  expect(await play(failure(run(auth, ME, { context: { uri } })))).toBe('ORIGIN_REFUSED');
  expect(service.seen).toEqual([]);
});

test('another path of the origin gets the token', async () => {
  const service = new FakeService();
  const auth = await signedIn(service);
  for (const uri of ['/admin/graphql', 'https://accounts.example.com/admin/graphql']) {
    await play(run(auth, ME, { context: { uri } }));
    expect(service.seen.at(-1)).toMatchObject({ url: 'https://accounts.example.com/admin/graphql' });
    expect(service.seen.at(-1)?.token).toMatch(/^at\./);
  }
});

test('tokens stand in no URL and in no context, and redirects are not followed', async () => {
  const service = new FakeService({ ttl: 2_000 });
  const auth = await signedIn(service, { http: { useGETForQueries: false } });
  await vi.advanceTimersByTimeAsync(2_500);
  const context: Record<string, unknown> = {};
  await play(run(auth, ME, { context }));
  await play(auth.signOut());
  expect(service.seen.map(({ field }) => field)).toEqual(['refresh', 'me', 'logout']);
  for (const { url, init } of service.seen) {
    expect(url).toBe(ENDPOINT);
    expect(init).toMatchObject({ redirect: 'error', credentials: 'omit', method: 'POST' });
  }
  expect(JSON.stringify(context)).not.toMatch(/at\.|vrt_/);
});

test('the token of the session goes before what a context says', async () => {
  const service = new FakeService();
  const auth = await signedIn(service);
  await play(run(auth, ME, { context: { headers: { authorization: 'Bearer other', 'x-own': '1' }, credentials: 'include' } }));
  expect(service.seen.at(-1)?.token).toMatch(/^at\.sess_1/);
  expect(service.seen.at(-1)?.init.credentials).toBe('omit');
  expect(new Headers(service.seen.at(-1)?.init.headers).get('x-own')).toBe('1');
});

test('nothing is logged, and no error has a token', async () => {
  const written = (['log', 'info', 'warn', 'error', 'debug'] as const).map((name) => vi.spyOn(console, name));
  const service = new FakeService({ ttl: 2_000 });
  const token = 'vrt_sess_1_0';
  const failing: typeof fetch = async (input, init) => {
    if (String(init?.body).includes('VestibuleRefresh')) return new Response(`no JSON: "${token}"`);
    return service.fetchFor()(input, init);
  };
  const auth = await signedIn(service, { fetch: failing });
  await vi.advanceTimersByTimeAsync(2_500);
  const error = await play(run(auth, ME).catch((reason: unknown) => reason));
  expect(error).toBeInstanceOf(VestibuleError);
  const { message, cause, stack } = error as VestibuleError;
  expect([message, stack, String(cause), (cause as Error).stack].join()).not.toMatch(/vrt_|at\.sess/);
  expect(JSON.stringify(auth.getState())).not.toMatch(/vrt_|at\.sess/);
  expect(JSON.stringify(auth)).not.toMatch(/vrt_|at\.sess/);
  for (const method of written) expect(method).not.toHaveBeenCalled();
});

describe('options', () => {
  test.each([
    [{ endpoint: '/graphql' }, /absolute/],
    [{ endpoint: 'ftp://a.example/' }, /https/],
    [{ endpoint: 'javascript:alert(1)' }, /https/],
    [{ endpoint: 'https://user:secret@a.example/' }, /password/],
    [{ mode: 'both' as 'bearer' }, /mode/],
    [{ headers: { Authorization: 'x' } }, /Authorization/],
    [{ headers: { cookie: 'x' } }, /cookie/],
    [{ mode: 'cookie' as const, storage: new Map() as never }, /storage/],
    [{ subscriptions: { createClient: () => ({}) as never, url: 'wss://evil.example/' } }, /origin/],
    [{ subscriptions: { createClient: () => ({}) as never, url: 'ws://accounts.example.com/graphql/ws' } }, /origin/],
  ])('%o are refused', (options, message) => {
    expect(() => createVestibule({ endpoint: ENDPOINT, mode: 'bearer', ...options })).toThrow(message);
  });

  test('in a page the endpoint may be relative', async () => {
    vi.stubGlobal('document', { baseURI: 'https://accounts.example.com/console/' });
    const service = new FakeService();
    const auth = createVestibule({ endpoint: '/graphql', mode: 'bearer', fetch: service.fetchFor(), tabs: false });
    await play(run(auth, ME));
    expect(service.seen[0]?.url).toBe(ENDPOINT);
  });

  test('headers go with every request', async () => {
    const service = new FakeService({ ttl: 2_000 });
    const auth = await signedIn(service, { headers: { 'X-Forwarded-For': '192.0.2.1' } });
    await vi.advanceTimersByTimeAsync(2_500);
    await play(run(auth, ME));
    expect(service.seen.map(({ init }) => new Headers(init.headers).get('x-forwarded-for'))).toEqual(['192.0.2.1', '192.0.2.1']);
  });
});

describe('the state', () => {
  test('is told with every change, to callbacks and as an observable', async () => {
    const service = new FakeService({ ttl: 2_000 });
    const auth = createVestibule({ endpoint: ENDPOINT, mode: 'bearer', fetch: service.fetchFor() });
    const [called, observed]: [AuthState[], AuthState[]] = [[], []];
    let isComplete = false;
    const stop = auth.subscribe((state) => called.push(state));
    auth.states.subscribe({ next: (state) => observed.push(state), complete: () => (isComplete = true) });
    await play(auth.restore());
    await play(auth.signIn(service.login()));
    expect(auth.getState()).toBe(auth.getState());
    await vi.advanceTimersByTimeAsync(2_500);
    await play(run(auth, ME));
    await play(auth.signOut());
    stop();
    await play(auth.signIn(service.login()));
    const statuses = ['signedOut', 'signedIn', 'refreshing', 'signedIn', 'signedOut'];
    expect(called.map(({ status }) => status)).toEqual(statuses);
    expect(observed.map(({ status }) => status)).toEqual(['unknown', ...statuses, 'signedIn']);
    auth.dispose();
    expect(isComplete).toBe(true);
    expect(await failure(run(auth, ME))).toBe('DISPOSED');
  });

  test('a listener that throws holds nothing up', async () => {
    const thrown: unknown[] = [];
    vi.stubGlobal('reportError', (error: unknown) => thrown.push(error));
    const service = new FakeService();
    const auth = await signedIn(service);
    const ends: string[] = [];
    auth.subscribe(() => {
      throw new Error('of a listener');
    });
    auth.onSessionEnd(() => Promise.reject(new Error('of clearing')));
    auth.onSessionEnd(({ reason }) => ends.push(reason));
    expect(await play(auth.signOut())).toBe(true);
    expect(ends).toEqual(['SIGNED_OUT']);
    expect(thrown.map(String)).toEqual(expect.arrayContaining(['Error: of a listener', 'Error: of clearing']));
  });

  test('a sign-out waits for what is cleared, but not for ever', async () => {
    const service = new FakeService();
    const auth = await signedIn(service);
    auth.onSessionEnd(() => new Promise(() => {}));
    const begin = Date.now();
    await play(auth.signOut());
    expect(Date.now() - begin).toBeLessThan(6_000);
  });

  test('a sign-out without a network ends the session here', async () => {
    const service = new FakeService();
    const auth = await signedIn(service);
    service.isReachable = false;
    expect(await play(auth.signOut())).toBe(false);
    expect(auth.getState().status).toBe('signedOut');
    service.isReachable = true;
    await play(run(auth, ME));
    expect(service.seen.at(-1)?.token).toBeNull();
  });

  test('an answer that comes after the sign-out is not told', async () => {
    const service = new FakeService();
    const auth = await signedIn(service);
    service.latency = 1_000;
    const late = failure(run(auth, ME));
    await vi.advanceTimersByTimeAsync(100);
    await play(auth.signOut());
    expect(await play(late)).toMatch('SESSION_CHANGED');
  });
});

test('accessToken gives one that is good for a while', async () => {
  const service = new FakeService({ ttl: 2_000 });
  const auth = await signedIn(service);
  await vi.advanceTimersByTimeAsync(2_500);
  expect(await play(auth.accessToken())).toMatch(/^at\.sess_1\.1\./);
  await play(auth.signOut());
  expect(await play(auth.accessToken())).toBeNull();
});

test('a subscription needs the option', async () => {
  const auth = createVestibule({ endpoint: ENDPOINT, mode: 'bearer' });
  expect(await play(failure(run(auth, documents.sessionEvents)))).toBe('NO_SUBSCRIPTIONS');
});
