// Bearer mode with a storage: kept before it is used, and what happens when it fails.

import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { createVestibule, type VestibuleError, type VestibuleOptions } from '../../src/index.js';
import { FakeStorage } from '../support/browser.js';
import { errorOf, failure, ME, play, run } from '../support/client.js';
import { ENDPOINT, FakeService } from '../support/service.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function open(service: FakeService, storage: FakeStorage, options: Partial<VestibuleOptions> = {}) {
  const errors: VestibuleError[] = [];
  const auth = createVestibule({
    endpoint: ENDPOINT,
    mode: 'bearer',
    storage,
    fetch: service.fetchFor(),
    onError: (error) => errors.push(error),
    ...options,
  });
  return { auth, errors };
}

const kept = (storage: FakeStorage) => [...storage.items.values()].join();

test('a session is there again after a restart', async () => {
  const service = new FakeService();
  const storage = new FakeStorage();
  await play(open(service, storage).auth.signIn(service.login()));
  const { auth } = open(service, storage);
  expect(auth.getState().status).toBe('unknown');
  expect(await play(auth.restore())).toMatchObject({ status: 'signedIn', session: { id: 'sess_1', userId: 'user_1' } });
  expect((await play(run(auth, ME))).data?.['me']).toBeTruthy();
});

test('operations wait for the storage without being told to', async () => {
  const service = new FakeService();
  const storage = new FakeStorage();
  await play(open(service, storage).auth.signIn(service.login()));
  storage.delay = 500;
  const { auth } = open(service, storage);
  expect((await play(run(auth, ME))).data?.['me']).toBeTruthy();
});

test('new tokens are kept before they are used', async () => {
  const service = new FakeService({ ttl: 2_000 });
  const storage = new FakeStorage();
  const { auth } = open(service, storage);
  await play(auth.signIn(service.login()));
  await vi.advanceTimersByTimeAsync(2_500);
  storage.delay = 300;
  let isKept: boolean | undefined;
  const send = service.fetchFor();
  const { auth: watched } = open(service, storage, {
    fetch: (input, init) => {
      if (String(init?.body).includes('VestibuleRefresh')) return send(input, init);
      isKept = kept(storage).includes('vrt_sess_1_1');
      return send(input, init);
    },
  });
  await play(run(watched, ME));
  expect(isKept).toBe(true);
});

test('a storage that cannot be written costs no session while the program runs, and is told', async () => {
  const service = new FakeService({ ttl: 2_000 });
  const storage = new FakeStorage();
  const { auth, errors } = open(service, storage);
  await play(auth.signIn(service.login()));
  storage.failing.setItem = 'fails';
  await vi.advanceTimersByTimeAsync(2_500);
  expect((await play(run(auth, ME))).data?.['me']).toBeTruthy();
  expect(errors.map(({ code }) => code)).toEqual(['STORAGE_FAILED']);
  // The token that was replaced is not there for the next start: it would look stolen.
  expect(storage.items.size).toBe(0);
  // What fails may quote what it was given.
  expect(JSON.stringify([errors[0], errors[0]?.message, errors[0]?.cause])).not.toContain('vrt_');
  delete storage.failing.setItem;
  await play(run(auth, ME));
  await vi.advanceTimersByTimeAsync(100);
  expect(kept(storage)).toContain('vrt_sess_1_1');
});

test('a storage that hangs is not waited for longer than 15 s', async () => {
  const service = new FakeService({ ttl: 2_000 });
  const storage = new FakeStorage();
  const { auth, errors } = open(service, storage);
  await play(auth.signIn(service.login()));
  storage.failing = { setItem: 'hangs', removeItem: 'hangs' };
  await vi.advanceTimersByTimeAsync(2_500);
  expect(errorOf(await play(run(auth, ME), 16_000))).not.toBe('REFRESH_FAILED');
  expect(errors.map(({ code }) => code)).toEqual(['STORAGE_FAILED']);
  expect(auth.getState().status).toBe('signedIn');
});

test('a storage that cannot be read fails operations, but not for good', async () => {
  const service = new FakeService();
  const storage = new FakeStorage();
  await play(open(service, storage).auth.signIn(service.login()));
  storage.failing.getItem = 'fails';
  const { auth } = open(service, storage);
  expect(await play(failure(run(auth, ME)))).toBe('STORAGE_FAILED');
  expect(await play(failure(auth.restore()))).toBe('STORAGE_FAILED');
  expect(auth.getState().status).toBe('unknown');
  delete storage.failing.getItem;
  expect((await play(run(auth, ME))).data?.['me']).toBeTruthy();
});

test('a login needs no storage', async () => {
  const service = new FakeService();
  const storage = new FakeStorage();
  storage.failing = { getItem: 'fails', setItem: 'fails', removeItem: 'fails' };
  const { auth, errors } = open(service, storage);
  await play(run(auth, 'mutation { login(input: {}) { accessToken } }'));
  expect(await play(auth.signIn(service.login()))).toBe(true);
  expect((await play(run(auth, ME))).data?.['me']).toBeTruthy();
  expect(errors.length).toBeGreaterThan(0);
});

test.each([
  'no JSON',
  'null',
  '{}',
  '{"endpoint":"https://evil.example/graphql","credentials":{"accessToken":"a","refreshToken":"vrt_a","expiresAt":1,"lifetime":1,"sessionId":null,"userId":null}}',
  `{"endpoint":"${ENDPOINT}","credentials":{"accessToken":"a\\r\\nb","refreshToken":"vrt_a","expiresAt":1,"lifetime":1,"sessionId":null,"userId":null}}`,
  `{"endpoint":"${ENDPOINT}","credentials":{"accessToken":1}}`,
])('what is none of ours is nobody: %s', async (text) => {
  const service = new FakeService();
  const storage = new FakeStorage();
  await play(open(service, storage).auth.signIn(service.login()));
  storage.items.set([...storage.items.keys()][0]!, text);
  const { auth } = open(service, storage);
  expect(await play(auth.restore())).toMatchObject({ status: 'signedOut', reason: null });
});

test('the key is one of the endpoint, of characters that key chains take', async () => {
  const service = new FakeService();
  const storage = new FakeStorage();
  for (const endpoint of ['https://a.example/graphql', 'https://a.example/graphql/', 'https://a.example:444/graphql?x=%2F', 'https://a.example/graphql?x=/']) {
    await play(open(service, storage, { endpoint }).auth.signIn(service.login()));
  }
  expect(storage.items.size).toBe(4);
  for (const key of storage.items.keys()) expect(key).toMatch(/^[A-Za-z0-9._-]+$/);
});

test('a sign-out forgets what is kept, also one during a refresh', async () => {
  const service = new FakeService({ ttl: 2_000 });
  const storage = new FakeStorage();
  storage.delay = 50;
  const { auth } = open(service, storage);
  await play(auth.signIn(service.login()));
  await vi.advanceTimersByTimeAsync(2_500);
  const waiting = run(auth, ME);
  // While the new tokens are written.
  await vi.advanceTimersByTimeAsync(130);
  const isTold = auth.signOut();
  expect(auth.getState().status).toBe('signedOut');
  expect(await play(isTold)).toBe(true);
  expect(errorOf(await play(waiting))).toContain('UNAUTHENTICATED');
  await vi.advanceTimersByTimeAsync(1_000);
  expect(storage.items.size).toBe(0);
  expect(service.sessions[0]?.isEnded).toBe(true);
  expect(auth.getState()).toMatchObject({ status: 'signedOut', reason: 'SIGNED_OUT' });
});

test('one who signs in while another session is refreshed is the one who is kept', async () => {
  const service = new FakeService({ ttl: 2_000 });
  for (const moment of [10, 30, 60, 90, 120, 150, 180, 210]) {
    const storage = new FakeStorage();
    storage.delay = 50;
    const { auth } = open(service, storage);
    await play(auth.signIn(service.login()));
    await vi.advanceTimersByTimeAsync(2_500);
    const waiting = failure(run(auth, ME));
    await vi.advanceTimersByTimeAsync(moment);
    const payload = service.login('user_2');
    await play(auth.signIn(payload));
    await play(waiting);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(kept(storage)).toContain(payload.refreshToken);
    expect(auth.getState().session?.userId).toBe('user_2');
  }
});

test('localStorage, which is synchronous, will do', async () => {
  const items = new Map<string, string>();
  const service = new FakeService();
  const storage = {
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => void items.set(key, value),
    removeItem: (key: string) => void items.delete(key),
  };
  const auth = createVestibule({ endpoint: ENDPOINT, mode: 'bearer', storage, fetch: service.fetchFor() });
  await play(auth.signIn(service.login()));
  expect(items.size).toBe(1);
  await play(auth.signOut());
  expect(items.size).toBe(0);
});
