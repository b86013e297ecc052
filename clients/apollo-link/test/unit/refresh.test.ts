// Bearer mode in one tab: who waits for whom, what is repeated, what ends a session.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { createVestibule, type EndReason, type VestibuleOptions } from '../../src/index.js';
import { errorOf, failure, ME, play, RENAME, run } from '../support/client.js';
import { ENDPOINT, FakeService } from '../support/service.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

async function signedIn(service: FakeService, options: Partial<VestibuleOptions> = {}) {
  const auth = createVestibule({ endpoint: ENDPOINT, mode: 'bearer', fetch: service.fetchFor(), ...options });
  const ends: EndReason[] = [];
  auth.onSessionEnd(({ reason }) => ends.push(reason));
  await play(auth.signIn(service.login()));
  return { auth, ends };
}

describe('before the expiry', () => {
  test('many operations wait for one refresh, and none is refused', async () => {
    const service = new FakeService({ ttl: 2_000 });
    const { auth } = await signedIn(service);
    await vi.advanceTimersByTimeAsync(1_700);
    const answers = await play(Promise.all(Array.from({ length: 200 }, () => run(auth, ME))));
    expect(answers.every(({ data }) => data?.['me'])).toBe(true);
    expect(service.count('refresh')).toBe(1);
    expect(service.count('me')).toBe(200);
  });

  test.each([
    [2_000, 1_500, 1_700],
    [300_000, 265_000, 275_000],
    [900_000, 865_000, 875_000],
  ])('a token of %i ms is used after %i ms and replaced after %i ms', async (ttl, early, late) => {
    const service = new FakeService({ ttl });
    const { auth } = await signedIn(service);
    await vi.advanceTimersByTimeAsync(early);
    await play(run(auth, ME));
    expect(service.count('refresh')).toBe(0);
    await vi.advanceTimersByTimeAsync(late - early);
    await play(run(auth, ME));
    expect(service.count('refresh')).toBe(1);
  });

  test('nothing is refreshed while nobody asks for anything', async () => {
    const service = new FakeService({ ttl: 2_000 });
    await signedIn(service);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(service.count('refresh')).toBe(0);
  });

  test('a clock that is hours ahead costs a refusal each time and no more', async () => {
    const service = new FakeService({ ttl: 2_000 });
    service.ahead = -7_200_000;
    const { auth } = await signedIn(service);
    expect((await play(run(auth, ME))).data?.['me']).toBeTruthy();
    await vi.advanceTimersByTimeAsync(2_000);
    expect((await play(run(auth, ME))).data?.['me']).toBeTruthy();
    expect(service.count('refresh')).toBe(1);
    expect(service.count('me')).toBe(3);
  });

  test('where answers tell the time, a clock that is hours behind is of no account', async () => {
    const service = new FakeService({ ttl: 300_000 });
    service.ahead = 7_200_000;
    service.tellsDate = true;
    const { auth } = await signedIn(service);
    await play(run(auth, ME));
    await play(auth.signIn(service.login()));
    await vi.advanceTimersByTimeAsync(280_000);
    await play(run(auth, ME));
    expect(service.count('refresh')).toBe(1);
    expect(service.count('me')).toBe(2);
  });

  test('with an old token that is still good, a refresh that fails fails nobody', async () => {
    const service = new FakeService();
    const { auth, ends } = await signedIn(service);
    await vi.advanceTimersByTimeAsync(275_000);
    service.refusals.set('refresh', { code: 'SERVICE_UNAVAILABLE' });
    expect((await play(run(auth, ME))).data?.['me']).toBeTruthy();
    expect(ends).toEqual([]);
  });
});

describe('after a refusal', () => {
  test('200 operations that are refused at once are all repeated after one refresh', async () => {
    const service = new FakeService({ ttl: 2_000 });
    const { auth, ends } = await signedIn(service);
    service.ahead = 5_000; // The service takes the token for expired, this side does not.
    const answers = await play(Promise.all(Array.from({ length: 200 }, () => run(auth, ME))));
    expect(answers.every(({ data }) => data?.['me'])).toBe(true);
    expect(service.count('refresh')).toBe(1);
    expect(service.count('me')).toBe(400);
    expect(ends).toEqual([]);
  });

  test('an operation is repeated once, and not twice', async () => {
    const service = new FakeService();
    const { auth, ends } = await signedIn(service);
    service.refusals.set('me', { code: 'UNAUTHENTICATED', reason: 'TOKEN_EXPIRED' });
    expect(errorOf(await play(run(auth, ME)))).toBe('UNAUTHENTICATED TOKEN_EXPIRED');
    expect(service.count('me')).toBe(2);
    expect(ends).toEqual([]);
    expect(auth.getState().status).toBe('signedIn');
  });

  test('a token that expires on the way is no try, but the fifth time is the last', async () => {
    const service = new FakeService({ ttl: 2_000 });
    const { auth, ends } = await signedIn(service);
    service.latency = 5_000; // Each request takes longer than its token lives.
    const answer = run(auth, ME);
    await vi.advanceTimersByTimeAsync(5_100);
    service.latency = 20;
    expect((await play(answer)).data?.['me']).toBeTruthy();
    service.seen.length = 0;
    const send = service.fetchFor();
    const slow = createVestibule({
      endpoint: ENDPOINT,
      mode: 'bearer',
      fetch: async (input, init) => {
        if (!String(init?.body).includes('VestibuleRefresh')) await new Promise((done) => setTimeout(done, 2_500));
        return send(input, init);
      },
    });
    await play(slow.signIn(service.login()));
    expect(errorOf(await play(run(slow, ME)))).toBe('UNAUTHENTICATED TOKEN_EXPIRED');
    expect(service.count('me')).toBe(5);
    expect(ends).toEqual([]);
  });

  test('TOKEN_INVALID is refreshed once; when it comes again, the session is over', async () => {
    const service = new FakeService();
    const { auth, ends } = await signedIn(service);
    service.refusals.set('me', { code: 'UNAUTHENTICATED', reason: 'TOKEN_INVALID' });
    expect(errorOf(await play(run(auth, ME)))).toBe('UNAUTHENTICATED TOKEN_INVALID');
    expect(service.count('refresh')).toBe(1);
    expect(ends).toEqual(['TOKEN_INVALID']);
  });

  test('the code TOKEN_INVALID of a mail or a picture says nothing about the session', async () => {
    const service = new FakeService();
    const { auth, ends } = await signedIn(service);
    service.refusals.set('updateProfile', { code: 'TOKEN_INVALID' });
    expect(errorOf(await play(run(auth, RENAME)))).toBe('TOKEN_INVALID');
    expect(service.count('refresh')).toBe(0);
    expect(ends).toEqual([]);
  });

  test.each(['SESSION_REVOKED', 'SESSION_EXPIRED'] as const)('%s ends the session at once', async (reason) => {
    const service = new FakeService();
    const { auth, ends } = await signedIn(service);
    service.refusals.set('me', { code: 'UNAUTHENTICATED', reason });
    expect(errorOf(await play(run(auth, ME)))).toBe(`UNAUTHENTICATED ${reason}`);
    expect(service.count('refresh')).toBe(0);
    expect(ends).toEqual([reason]);
    expect(auth.getState()).toEqual({ status: 'signedOut', session: null, reason });
    await play(run(auth, ME));
    expect(service.seen.at(-1)?.token).toBeNull();
  });

  test.each(['INVALID_CREDENTIALS', 'FORBIDDEN', 'REAUTHENTICATION_REQUIRED', 'ACCOUNT_SUSPENDED', 'RATE_LIMITED'])(
    '%s is told, and nothing else happens',
    async (code) => {
      const service = new FakeService();
      const { auth, ends } = await signedIn(service);
      service.refusals.set('updateProfile', { code });
      expect(errorOf(await play(run(auth, RENAME)))).toBe(code);
      expect(service.count('updateProfile')).toBe(1);
      expect(service.count('refresh')).toBe(0);
      expect(ends).toEqual([]);
    },
  );

  test('without a session, MISSING is told and nothing is refreshed', async () => {
    const service = new FakeService();
    const auth = createVestibule({ endpoint: ENDPOINT, mode: 'bearer', fetch: service.fetchFor() });
    expect(errorOf(await play(run(auth, RENAME)))).toBe('UNAUTHENTICATED MISSING');
    expect(service.count('refresh')).toBe(0);
  });
});

describe('mutations', () => {
  test('one that was refused before it began is repeated, and done once', async () => {
    const service = new FakeService({ ttl: 2_000 });
    const { auth } = await signedIn(service);
    service.ahead = 5_000;
    expect((await play(run(auth, RENAME))).errors).toBeUndefined();
    expect(service.done).toEqual(['updateProfile of user_1']);
    expect(service.count('updateProfile')).toBe(2);
  });

  test('one of several, of which the first was done, is not repeated', async () => {
    const service = new FakeService({ ttl: 2_000 });
    const { auth } = await signedIn(service);
    service.ahead = 5_000;
    const both = 'mutation { requestPasswordReset(input: {}) { ticket } updateProfile(input: {}) { __typename } }';
    expect(errorOf(await play(run(auth, both)))).toBe('UNAUTHENTICATED TOKEN_EXPIRED');
    expect(service.done).toEqual(['requestPasswordReset']);
    expect(service.count('requestPasswordReset')).toBe(1);
  });

  test('one whose answer is lost is not repeated', async () => {
    const service = new FakeService();
    const { auth } = await signedIn(service);
    service.loses = 1;
    expect(await play(failure(run(auth, RENAME)))).toBe('connection lost');
    expect(service.done).toEqual(['updateProfile of user_1']);
  });

  test('one that waits is not done in the name of somebody who signs in meanwhile', async () => {
    const service = new FakeService({ ttl: 2_000 });
    const { auth, ends } = await signedIn(service);
    await vi.advanceTimersByTimeAsync(2_500);
    const waiting = failure(run(auth, RENAME));
    await vi.advanceTimersByTimeAsync(5);
    await play(auth.signIn(service.login('user_2')));
    expect(await play(waiting)).toBe('SESSION_CHANGED');
    expect(service.done).toEqual([]);
    expect(ends).toEqual(['REPLACED']);
  });
});

describe('a refresh that fails', () => {
  test('an answer that is lost is asked for again with the same token, and the session stays', async () => {
    const service = new FakeService({ ttl: 2_000 });
    const { auth, ends } = await signedIn(service);
    await vi.advanceTimersByTimeAsync(2_500);
    service.loses = 2;
    expect((await play(run(auth, ME))).data?.['me']).toBeTruthy();
    expect(service.count('refresh')).toBe(3);
    expect(service.seen.filter(({ field }) => field === 'refresh').map(({ variables }) => variables)).toEqual(
      Array.from({ length: 3 }, () => ({ input: { refreshToken: 'vrt_sess_1_0' } })),
    );
    expect(service.sessions[0]?.isEnded).toBe(false);
    expect(ends).toEqual([]);
  });

  test('a connection that is dead is given up in time for another one', async () => {
    const service = new FakeService({ ttl: 2_000 });
    const { auth } = await signedIn(service);
    await vi.advanceTimersByTimeAsync(2_500);
    service.hangs = 1;
    const begin = Date.now();
    expect((await play(run(auth, ME))).data?.['me']).toBeTruthy();
    expect(Date.now() - begin).toBeLessThan(5_000);
  });

  test('a service that is slow is waited for: its first answer counts', async () => {
    const service = new FakeService({ ttl: 2_000 });
    const { auth, ends } = await signedIn(service);
    await vi.advanceTimersByTimeAsync(2_500);
    const begin = Date.now();
    service.latency = 14_000;
    const answer = run(auth, ME);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(service.count('refresh')).toBe(2);
    await vi.advanceTimersByTimeAsync(2_500);
    // It has replaced the token by now, and its answer is on its way. The second attempt would get it too.
    service.latency = 20;
    expect((await play(answer)).data?.['me']).toBeTruthy();
    expect(Date.now() - begin).toBeLessThan(15_000);
    expect(service.sessions[0]?.isEnded).toBe(false);
    expect(ends).toEqual([]);
  });

  test('a service that is away for 3 s costs nobody an error', async () => {
    const service = new FakeService({ ttl: 2_000 });
    const { auth } = await signedIn(service);
    await vi.advanceTimersByTimeAsync(2_500);
    service.isReachable = false;
    setTimeout(() => (service.isReachable = true), 3_000);
    expect((await play(run(auth, ME))).data?.['me']).toBeTruthy();
  });

  test('without a network operations fail within 25 s, the session stays, and later ones succeed', async () => {
    const service = new FakeService({ ttl: 2_000 });
    const { auth, ends } = await signedIn(service);
    await vi.advanceTimersByTimeAsync(2_500);
    service.isReachable = false;
    expect(await play(failure(run(auth, ME)), 25_000)).toBe('REFRESH_FAILED');
    expect(auth.getState().status).toBe('signedIn');
    expect(ends).toEqual([]);
    service.isReachable = true;
    expect((await play(run(auth, ME))).data?.['me']).toBeTruthy();
  });

  test('requests that are never answered are given up within 25 s', async () => {
    const service = new FakeService({ ttl: 2_000 });
    const { auth } = await signedIn(service);
    await vi.advanceTimersByTimeAsync(2_500);
    service.hangs = 100;
    expect(await play(failure(run(auth, ME)), 25_000)).toBe('REFRESH_FAILED');
    expect(auth.getState().status).toBe('signedIn');
  });

  test.each([{ code: 'ACCOUNT_SUSPENDED' }, { code: 'RATE_LIMITED', retryAfter: 30 }, { code: 'SERVICE_UNAVAILABLE' }])(
    '$code is told to those who wait, and the session stays',
    async (refusal) => {
      const service = new FakeService({ ttl: 2_000 });
      const { auth, ends } = await signedIn(service);
      await vi.advanceTimersByTimeAsync(2_500);
      service.refusals.set('refresh', refusal);
      expect(errorOf(await play(run(auth, ME)))).toBe(refusal.code);
      expect(ends).toEqual([]);
      const asked = service.count('refresh');
      expect(errorOf(await play(run(auth, ME)))).toBe(refusal.code);
      if (refusal.retryAfter) expect(service.count('refresh')).toBe(asked);
      service.refusals.clear();
      await vi.advanceTimersByTimeAsync(30_000);
      // Nothing was rotated, so the token is still the current one.
      expect((await play(run(auth, ME))).data?.['me']).toBeTruthy();
    },
  );

  test.each([
    [{ code: 'TOKEN_INVALID' }, 'TOKEN_INVALID'],
    [{ code: 'UNAUTHENTICATED', reason: 'SESSION_REVOKED' }, 'SESSION_REVOKED'],
    [{ code: 'UNAUTHENTICATED', reason: 'SESSION_EXPIRED' }, 'SESSION_EXPIRED'],
  ])('%o is the end, and those who wait are told', async (refusal, reason) => {
    const service = new FakeService({ ttl: 2_000 });
    const { auth, ends } = await signedIn(service);
    await vi.advanceTimersByTimeAsync(2_500);
    service.refusals.set('refresh', refusal);
    const answers = await play(Promise.all([run(auth, ME), run(auth, RENAME)]));
    expect(answers.map(errorOf)).toEqual([`UNAUTHENTICATED ${reason}`, `UNAUTHENTICATED ${reason}`]);
    expect(ends).toEqual([reason]);
    expect(service.count('refresh')).toBe(1);
    expect(service.count('me') + service.count('updateProfile')).toBe(0);
  });

  test('a session without a refresh token ends with its access token', async () => {
    const service = new FakeService({ ttl: 2_000 });
    const auth = createVestibule({ endpoint: ENDPOINT, mode: 'bearer', fetch: service.fetchFor() });
    await play(auth.signIn({ ...service.login(), refreshToken: null }));
    expect((await play(run(auth, ME))).data?.['me']).toBeTruthy();
    await vi.advanceTimersByTimeAsync(2_500);
    expect(errorOf(await play(run(auth, ME)))).toBe('UNAUTHENTICATED SESSION_EXPIRED');
    expect(auth.getState().reason).toBe('SESSION_EXPIRED');
    expect(service.count('refresh')).toBe(0);
  });
});

test('an operation that nobody waits for any more is not sent', async () => {
  const service = new FakeService({ ttl: 2_000 });
  const { auth } = await signedIn(service);
  await vi.advanceTimersByTimeAsync(2_500);
  const { ApolloClient, InMemoryCache, gql } = await import('@apollo/client');
  const { ApolloLink } = await import('@apollo/client/link');
  const client = new ApolloClient({ link: auth.link, cache: new InMemoryCache() });
  const subscription = ApolloLink.execute(auth.link, { query: gql(ME) }, { client }).subscribe({});
  await vi.advanceTimersByTimeAsync(5);
  subscription.unsubscribe();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(service.count('refresh')).toBe(1);
  expect(service.count('me')).toBe(0);
});

test('a login is not held up by a token that is stale, nor sent with it', async () => {
  const service = new FakeService({ ttl: 2_000 });
  const { auth } = await signedIn(service);
  await vi.advanceTimersByTimeAsync(2_500);
  service.refusals.set('refresh', { code: 'RATE_LIMITED' });
  const { data } = await play(run(auth, 'mutation { login(input: {}) { accessToken } }'));
  expect(data?.['login']).toBeTruthy();
  expect(service.seen.at(-1)?.token).toBeNull();
  expect(service.count('refresh')).toBe(0);
});
