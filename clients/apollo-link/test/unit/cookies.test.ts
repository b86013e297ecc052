// Cookie mode: in a browser, and on a server that renders pages.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { createCookieJar, createVestibule, type EndReason, type VestibuleOptions } from '../../src/index.js';
import { errorOf, failure, ME, play, RENAME, run } from '../support/client.js';
import { ENDPOINT, FakeCookies, FakeService } from '../support/service.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function open(service: FakeService, cookies: FakeCookies, options: Partial<VestibuleOptions> = {}) {
  const auth = createVestibule({ endpoint: ENDPOINT, mode: 'cookie', fetch: service.fetchFor(cookies), ...options });
  const ends: EndReason[] = [];
  auth.onSessionEnd(({ reason }) => ends.push(reason));
  return { auth, ends };
}

describe('restore', () => {
  test('without cookies there is nobody', async () => {
    const service = new FakeService();
    const { auth, ends } = open(service, new FakeCookies());
    expect(await play(auth.restore())).toEqual({ status: 'signedOut', session: null, reason: null });
    expect(ends).toEqual([]);
  });

  test('with good cookies there is somebody, and nothing is refreshed', async () => {
    const service = new FakeService();
    const cookies = new FakeCookies();
    service.login('user_1', cookies);
    const { auth } = open(service, cookies);
    expect(await play(auth.restore())).toMatchObject({ status: 'signedIn', session: { userId: 'user_1' } });
    expect(service.count('refresh')).toBe(0);
  });

  test('with an expired access token it refreshes once, also with operations that begin meanwhile', async () => {
    const service = new FakeService({ ttl: 2_000 });
    const cookies = new FakeCookies();
    service.login('user_1', cookies);
    await vi.advanceTimersByTimeAsync(60_000);
    const { auth } = open(service, cookies);
    const [state, answer, other] = await play(Promise.all([auth.restore(), run(auth, ME), run(auth, RENAME)]));
    expect(state).toMatchObject({ status: 'signedIn', session: { id: 'sess_1' } });
    expect([errorOf(answer), errorOf(other)]).toEqual([undefined, undefined]);
    expect(service.count('refresh')).toBe(1);
  });

  test('with the cookies of a session that has ended there is nobody', async () => {
    const service = new FakeService();
    const cookies = new FakeCookies();
    service.login('user_1', cookies);
    service.end('sess_1');
    const { auth } = open(service, cookies);
    expect(await play(auth.restore())).toMatchObject({ status: 'signedOut' });
  });

  test('without a network nobody knows, and it can be tried again', async () => {
    const service = new FakeService();
    const cookies = new FakeCookies();
    service.login('user_1', cookies);
    service.isReachable = false;
    const { auth } = open(service, cookies);
    expect(await play(failure(auth.restore()))).toBe('REFRESH_FAILED');
    expect(auth.getState().status).toBe('unknown');
    service.isReachable = true;
    expect((await play(auth.restore())).status).toBe('signedIn');
  });

  test('a public operation beside a restore that finds nobody is answered', async () => {
    const service = new FakeService({ ttl: 2_000 });
    const cookies = new FakeCookies();
    service.login('user_1', cookies);
    service.end('sess_1');
    await vi.advanceTimersByTimeAsync(5_000);
    service.refusals.set('me', { code: 'UNAUTHENTICATED', reason: 'TOKEN_EXPIRED' });
    const { auth } = open(service, cookies);
    const restoring = auth.restore();
    await vi.advanceTimersByTimeAsync(25);
    const answer = run(auth, 'query { passwordStrength(input: {}) { score } }');
    expect((await play(restoring)).status).toBe('signedOut');
    expect((await play(answer)).data?.['passwordStrength']).toBeTruthy();
  });
});

test('no token is in sight, and every request has credentials', async () => {
  const service = new FakeService({ ttl: 2_000 });
  const cookies = new FakeCookies();
  const { auth } = open(service, cookies);
  await play(auth.signIn(service.login('user_1', cookies)));
  await vi.advanceTimersByTimeAsync(2_500);
  await play(run(auth, ME));
  expect(service.count('refresh')).toBe(1);
  expect(service.seen.every(({ token, init }) => token === null && init.credentials === 'include')).toBe(true);
  expect(await play(auth.accessToken())).toBeNull();
});

test('cookies that are gone are the end of the session', async () => {
  const service = new FakeService();
  const cookies = new FakeCookies();
  const { auth, ends } = open(service, cookies);
  await play(auth.signIn(service.login('user_1', cookies)));
  Object.assign(cookies, { access: null, refresh: null });
  expect(errorOf(await play(run(auth, RENAME)))).toBe('UNAUTHENTICATED MISSING');
  expect(ends).toEqual(['MISSING']);
});

test.each([
  ['cookie' as const, { accessToken: 'a', accessTokenExpiresAt: '2030-01-01T00:00:00Z' }, /COOKIE/],
  ['bearer' as const, { accessToken: null, accessTokenExpiresAt: '2030-01-01T00:00:00Z' }, /BEARER/],
  ['bearer' as const, { accessToken: 'a' }, /accessTokenExpiresAt/],
  ['cookie' as const, { accessTokenExpiresAt: 'tomorrow' }, /form/],
  ['bearer' as const, { accessToken: 'a\nb', accessTokenExpiresAt: '2030-01-01T00:00:00Z' }, /form/],
])('%s mode does not take %o', async (mode, payload, message) => {
  const auth = createVestibule({ endpoint: ENDPOINT, mode });
  await expect(auth.signIn(payload)).rejects.toThrow(message);
});

test('a registration that wants the address verified first signs nobody in', async () => {
  const auth = createVestibule({ endpoint: ENDPOINT, mode: 'cookie' });
  const payload = { accessToken: null, refreshToken: null, accessTokenExpiresAt: null, session: null, user: null };
  expect(await auth.signIn(payload)).toBe(false);
});

describe('a sign-out that does not reach the service', () => {
  async function stranded() {
    const service = new FakeService();
    const cookies = new FakeCookies();
    const { auth, ends } = open(service, cookies);
    await play(auth.signIn(service.login('user_1', cookies)));
    service.isReachable = false;
    expect(await play(auth.signOut())).toBe(false);
    expect(auth.getState()).toMatchObject({ status: 'signedOut', reason: 'SIGNED_OUT' });
    expect(ends).toEqual(['SIGNED_OUT']);
    return { service, cookies, auth };
  }

  test('is made up for before the next operation, which is then one of nobody', async () => {
    const { service, cookies, auth } = await stranded();
    expect(await play(failure(run(auth, ME)))).toBe('SIGN_OUT_PENDING');
    service.isReachable = true;
    expect((await play(run(auth, ME))).data?.['me']).toBeNull();
    expect(service.sessions[0]?.isEnded).toBe(true);
    expect(cookies.refresh).toBeNull();
  });

  test('never reaches it after a login, with the new cookies', async () => {
    const { service, cookies, auth } = await stranded();
    service.isReachable = true;
    const { data } = await play(run(auth, 'mutation { login(input: {}) { accessTokenExpiresAt } }'));
    const polling = run(auth, ME);
    await play(auth.signIn(data?.['login'] as object));
    expect((await play(polling)).data?.['me']).toBeTruthy();
    expect(service.sessions.map(({ isEnded }) => isEnded)).toEqual([true, false]);
    expect(cookies.refresh).toContain('sess_2');
  });

  test('is given up for a login, whose cookies take the place of those of before', async () => {
    const { service, cookies, auth } = await stranded();
    service.isReachable = true;
    service.refusals.set('logout', { code: 'SERVICE_UNAVAILABLE' });
    const { data } = await play(run(auth, 'mutation { login(input: {}) { accessTokenExpiresAt } }'));
    service.refusals.clear();
    // Before the application has said that somebody is signed in.
    expect((await play(run(auth, ME))).data?.['me']).toBeTruthy();
    await play(auth.signIn(data?.['login'] as object));
    expect(service.sessions.at(-1)?.isEnded).toBe(false);
    expect(cookies.refresh).toContain('sess_2');
  });

  test('still waits after a login that was refused', async () => {
    const { service, auth } = await stranded();
    service.refusals.set('logout', { code: 'SERVICE_UNAVAILABLE' });
    service.refusals.set('login', { code: 'INVALID_CREDENTIALS' });
    service.isReachable = true;
    await play(run(auth, 'mutation { login(input: {}) { accessTokenExpiresAt } }'));
    expect(await play(failure(run(auth, ME)))).toBe('SIGN_OUT_PENDING');
    service.refusals.clear();
    expect((await play(run(auth, ME))).data?.['me']).toBeNull();
  });
});

test('a sign-out waits for a refresh, whose cookies would come back otherwise', async () => {
  const service = new FakeService({ ttl: 2_000 });
  const cookies = new FakeCookies();
  const { auth } = open(service, cookies);
  await play(auth.signIn(service.login('user_1', cookies)));
  await vi.advanceTimersByTimeAsync(2_500);
  service.latency = 1_000;
  const waiting = run(auth, ME);
  // The service has made the new cookies, and they are on their way.
  await vi.advanceTimersByTimeAsync(600);
  service.latency = 20;
  expect(await play(auth.signOut())).toBe(true);
  expect(errorOf(await play(waiting))).toContain('UNAUTHENTICATED');
  await vi.advanceTimersByTimeAsync(5_000);
  expect(cookies.refresh).toBeNull();
  expect(service.sessions[0]?.isEnded).toBe(true);
});

describe('a page that comes back out of the cache of the browser', () => {
  async function putAway() {
    const listeners: ((event: { persisted: boolean }) => void)[] = [];
    vi.stubGlobal('document', { baseURI: 'https://accounts.example.com/' });
    vi.stubGlobal('addEventListener', (type: string, listener: () => void) => type === 'pageshow' && listeners.push(listener));
    const service = new FakeService({ ttl: 2_000 });
    const cookies = new FakeCookies();
    const { auth, ends } = open(service, cookies, { tabs: false });
    await play(auth.signIn(service.login('user_1', cookies)));
    const comeBack = async (persisted = true) => {
      for (const listener of listeners) listener({ persisted });
      await vi.advanceTimersByTimeAsync(100);
    };
    return { service, cookies, auth, ends, comeBack };
  }

  afterEach(() => void vi.unstubAllGlobals());

  test('is that of nobody when the cookies are gone', async () => {
    const { cookies, ends, comeBack } = await putAway();
    Object.assign(cookies, { access: null, refresh: null });
    await comeBack(false);
    expect(ends).toEqual([]);
    await comeBack();
    expect(ends).toEqual(['MISSING']);
  });

  test('is that of whoever is signed in now', async () => {
    const { service, cookies, auth, ends, comeBack } = await putAway();
    service.login('user_2', cookies);
    await comeBack();
    expect(ends).toEqual(['REPLACED']);
    expect(auth.getState()).toMatchObject({ status: 'signedIn', session: { userId: 'user_2' } });
  });

  test('stays what it was, also when the token has expired', async () => {
    const { auth, service, ends, comeBack } = await putAway();
    await comeBack();
    await vi.advanceTimersByTimeAsync(10_000);
    await comeBack();
    service.isReachable = false;
    await comeBack();
    expect(ends).toEqual([]);
    expect(auth.getState().status).toBe('signedIn');
    expect(service.count('refresh')).toBe(1);
  });

  test('ends with a session that was ended', async () => {
    const { service, ends, comeBack } = await putAway();
    service.end('sess_1');
    await comeBack();
    expect(ends).toEqual(['SESSION_REVOKED']);
  });
});

describe('the jar of a server', () => {
  test('has the cookies of the service and no others', () => {
    const jar = createCookieJar('theme=dark; __Host-vestibule_access=a.b-c_d; sid=1; vestibule_refresh=vrt_x; __Host-vestibule_evil=1');
    expect(jar.header()).toBe('__Host-vestibule_access=a.b-c_d; vestibule_refresh=vrt_x');
    for (const empty of [null, undefined, '', 'theme=dark', '=;;= ;']) expect(createCookieJar(empty).header()).toBeNull();
  });

  test('keeps what is set for the next request and for the browser', () => {
    const jar = createCookieJar('vestibule_access=old; vestibule_refresh=old');
    jar.store(['vestibule_access=new; Path=/; HttpOnly; Max-Age=60', 'other=1; Path=/', 'vestibule_access=newer; Path=/; HttpOnly']);
    expect(jar.header()).toBe('vestibule_access=newer; vestibule_refresh=old');
    expect(jar.takeSetCookies()).toEqual(['vestibule_access=newer; Path=/; HttpOnly']);
    jar.store(['vestibule_access=; Path=/; Max-Age=0']);
    expect(jar.header()).toBe('vestibule_refresh=old');
  });

  test('puts nothing into a header that would end it', () => {
    const jar = createCookieJar('vestibule_access=a\r\nX-Evil: 1');
    expect(jar.header()).toBeNull();
    jar.store(['vestibule_access=a; Path=/\r\nX-Evil: 1', 'vestibule_refresh=a"b']);
    expect(jar.header()).toBeNull();
    expect(jar.takeSetCookies()).toEqual([]);
  });

  test('refreshes nothing once its cookies were taken', async () => {
    const service = new FakeService({ ttl: 2_000 });
    const cookies = new FakeCookies();
    service.login('user_1', cookies);
    await vi.advanceTimersByTimeAsync(2_500);
    const jar = createCookieJar(`vestibule_access=${cookies.access}; vestibule_refresh=${cookies.refresh}`);
    const { auth } = open(service, cookies, { cookies: jar });
    jar.takeSetCookies();
    expect(await play(failure(run(auth, ME)))).toBe('COOKIES_TAKEN');
    expect(service.count('refresh')).toBe(0);
  });
});
