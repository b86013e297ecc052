// Several tabs of one origin: one refresh, one session, and what strangers can say.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { createVestibule, type EndReason, type Vestibule, type VestibuleOptions } from '../../src/index.js';
import { FakeChannels, FakeLocks, FakeStorage, heldLocks } from '../support/browser.js';
import { errorOf, ME, play, run } from '../support/client.js';
import { ENDPOINT, FakeCookies, FakeService } from '../support/service.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A browser with its tabs. */
class Browser {
  readonly cookies = new FakeCookies();
  readonly channels = new FakeChannels();
  readonly locks = new FakeLocks();
  readonly ends: [Vestibule, EndReason][] = [];
  readonly #service: FakeService;
  readonly #options: Partial<VestibuleOptions>;

  constructor(service: FakeService, options: Partial<VestibuleOptions>) {
    this.#service = service;
    this.#options = options;
  }

  tab(options: Partial<VestibuleOptions> = {}): Vestibule {
    const auth = createVestibule({
      endpoint: ENDPOINT,
      mode: 'bearer',
      fetch: this.#service.fetchFor(this.cookies),
      tabs: { locks: this.locks, channel: this.channels.channel },
      ...this.#options,
      ...options,
    });
    auth.onSessionEnd(({ reason }) => this.ends.push([auth, reason]));
    return auth;
  }

  login(userId?: string) {
    return this.#service.login(userId, this.#options.mode === 'cookie' ? this.cookies : undefined);
  }
}

const KINDS: [string, () => Partial<VestibuleOptions>][] = [
  ['cookies', () => ({ mode: 'cookie' })],
  ['tokens in memory', () => ({})],
  ['tokens in a storage', () => ({ storage: new FakeStorage() })],
];

describe.each(KINDS)('%s', (_, options) => {
  async function twoTabs({ ttl = 2_000, more = {} as Partial<VestibuleOptions> } = {}) {
    const service = new FakeService({ ttl });
    const browser = new Browser(service, { ...options(), ...more });
    const first = browser.tab();
    const second = browser.tab();
    await play(first.signIn(browser.login()));
    await play(second.restore());
    return { service, browser, first, second };
  }

  test('who signs in in one tab is signed in in the other', async () => {
    const { first, second, service } = await twoTabs();
    expect(second.getState().status).toBe('signedIn');
    expect(second.getState().session).toEqual(first.getState().session);
    expect((await play(run(second, ME))).data?.['me']).toBeTruthy();
    expect(service.count('refresh')).toBe(0);
  });

  test('a tab that is opened later is signed in too', async () => {
    const { browser } = await twoTabs();
    const third = browser.tab();
    await play(third.restore());
    expect(third.getState()).toMatchObject({ status: 'signedIn', session: { userId: 'user_1' } });
  });

  test('300 operations of three tabs wait for one refresh', async () => {
    const { service, browser, first, second } = await twoTabs();
    const third = browser.tab();
    await play(third.restore());
    service.seen.length = 0;
    await vi.advanceTimersByTimeAsync(2_500);
    const answers = await play(
      Promise.all([first, second, third].flatMap((tab) => Array.from({ length: 100 }, () => run(tab, ME)))),
    );
    expect(answers.every(({ data }) => data?.['me'])).toBe(true);
    expect(service.count('refresh')).toBe(1);
    expect(browser.ends).toEqual([]);
  });

  test('tabs take turns for minutes without a refusal', async () => {
    const { service, browser, first, second } = await twoTabs();
    for (let turn = 0; turn < 60; turn += 1) {
      await vi.advanceTimersByTimeAsync(900);
      const answers = await play(Promise.all([run(first, ME), run(turn % 3 ? second : first, ME)]));
      expect(answers.map(errorOf)).toEqual([undefined, undefined]);
    }
    expect(service.sessions[0]?.isEnded).toBe(false);
    expect(browser.ends).toEqual([]);
    // One for each 1.6 s.
    expect(service.count('refresh')).toBeLessThan(40);
  });

  test.each([
    ['no locks', { tabs: { locks: null } }],
    ['no channel', { tabs: { channel: null } }],
    ['neither', { tabs: { locks: null, channel: null } }],
    ['a lock that is never free', { tabs: { locks: heldLocks } }],
  ])('with %s, tabs that refresh at once lose nothing', async (__, { tabs }) => {
    const { service, browser, first, second } = await twoTabs();
    const without = (): Vestibule =>
      browser.tab({ tabs: { locks: browser.locks, channel: browser.channels.channel, ...tabs } });
    const [third, fourth] = [without(), without()];
    const isAlone = options().mode !== 'cookie' && !options().storage && 'channel' in tabs;
    for (const tab of [third, fourth]) {
      if (isAlone) await play(tab.signIn(browser.login()));
      await play(tab.restore());
    }
    await vi.advanceTimersByTimeAsync(2_500);
    const answers = await play(
      Promise.all([first, second, third, fourth].flatMap((tab) => Array.from({ length: 10 }, () => run(tab, ME)))),
    );
    expect(answers.map(errorOf)).toEqual(answers.map(() => undefined));
    expect(service.sessions.every(({ isEnded }) => !isEnded)).toBe(true);
    expect(browser.ends).toEqual([]);
  });

  test('a sign-out in one tab is one in all, with their listeners', async () => {
    const { service, browser, first, second } = await twoTabs();
    expect(await play(first.signOut())).toBe(true);
    await vi.advanceTimersByTimeAsync(10);
    expect(service.sessions[0]?.isEnded).toBe(true);
    expect(second.getState()).toMatchObject({ status: 'signedOut', session: null, reason: 'SIGNED_OUT' });
    expect(browser.ends).toEqual([
      [first, 'SIGNED_OUT'],
      [second, 'SIGNED_OUT'],
    ]);
    expect((await play(run(second, ME))).data?.['me']).toBeNull();
    const third = browser.tab();
    await play(third.restore());
    expect(third.getState().status).toBe('signedOut');
  });

  test('a session that is ended elsewhere ends in all tabs when one of them hears of it', async () => {
    const { service, browser, first, second } = await twoTabs();
    service.end('sess_1');
    expect(errorOf(await play(run(second, ME)))).toBe('UNAUTHENTICATED SESSION_REVOKED');
    await vi.advanceTimersByTimeAsync(10);
    expect(first.getState()).toMatchObject({ status: 'signedOut', reason: 'SESSION_REVOKED' });
    expect(browser.ends.map(([, reason]) => reason)).toEqual(['SESSION_REVOKED', 'SESSION_REVOKED']);
  });

  test('who signs in as somebody else does so in all tabs, whose listeners hear of the end first', async () => {
    const { browser, first, second } = await twoTabs();
    await play(first.signIn(browser.login('user_2')));
    await vi.advanceTimersByTimeAsync(20);
    expect(second.getState()).toMatchObject({ status: 'signedIn', session: { userId: 'user_2', id: 'sess_2' } });
    expect(browser.ends.map(([, reason]) => reason)).toEqual(['REPLACED', 'REPLACED']);
  });

  test('the end of a session that is not that of the tab is none', async () => {
    const { browser, first } = await twoTabs();
    browser.channels.forge({ ...ownEnvelope(options), type: 'signedOut', sessionId: 'sess_9', reason: 'SIGNED_OUT', isPending: false });
    await vi.advanceTimersByTimeAsync(10);
    expect(first.getState().status).toBe('signedIn');
  });

  test('what has not the form of a message is not listened to', async () => {
    const { browser, first, second } = await twoTabs();
    const envelope = ownEnvelope(options);
    const end = { type: 'signedOut', sessionId: 'sess_1', reason: 'SIGNED_OUT', isPending: false };
    const credentials = { accessToken: 'x', refreshToken: 'vrt_x', expiresAt: 9e15, lifetime: 1, sessionId: 'sess_1', userId: 'user_1' };
    for (const forged of [
      null,
      'signedOut',
      end,
      { ...envelope, ...end, vestibule: 2 },
      { ...envelope, ...end, endpoint: 'https://evil.example/graphql' },
      { ...envelope, ...end, mode: 'other' },
      { ...envelope, ...end, reason: 'BECAUSE' },
      { ...envelope, ...end, isPending: 'yes' },
      { ...envelope, ...end, sessionId: { $ne: 1 } },
      { ...envelope, ...end, from: undefined },
      { ...envelope, type: 'renewed', credentials: { ...credentials, accessToken: 'a\r\nX-Evil: 1' } },
      { ...envelope, type: 'renewed', credentials: { ...credentials, refreshToken: 'other' } },
      { ...envelope, type: 'renewed', credentials: { ...credentials, expiresAt: Number.NaN } },
      { ...envelope, type: 'renewed', credentials: { ...credentials, userId: '<script>' } },
      { ...envelope, type: 'here', to: 'somebody else', credentials },
      { ...envelope, type: '__proto__' },
    ]) {
      browser.channels.forge(forged);
    }
    await vi.advanceTimersByTimeAsync(10);
    for (const tab of [first, second]) expect(tab.getState()).toMatchObject({ status: 'signedIn', session: { userId: 'user_1' } });
    expect(browser.ends).toEqual([]);
  });
});

function ownEnvelope(options: () => Partial<VestibuleOptions>) {
  return { vestibule: 1, endpoint: ENDPOINT, mode: options().mode ?? 'bearer', from: 'forger' };
}

test('with cookies or a storage, no token is said aloud', async () => {
  for (const options of [{ mode: 'cookie' as const }, { storage: new FakeStorage() }]) {
    const service = new FakeService({ ttl: 2_000 });
    const browser = new Browser(service, options);
    const [first, second] = [browser.tab(), browser.tab()];
    await play(first.signIn(browser.login()));
    await vi.advanceTimersByTimeAsync(2_500);
    await play(Promise.all([run(first, ME), run(second, ME)]));
    await play(first.signOut());
    expect(browser.channels.said.length).toBeGreaterThan(2);
    expect(JSON.stringify(browser.channels.said)).not.toMatch(/vrt_|at\./);
  }
});

test('tabs of two endpoints have nothing to do with each other', async () => {
  const service = new FakeService();
  const browser = new Browser(service, {});
  const first = browser.tab();
  const other = browser.tab({ endpoint: 'https://other.example.com/graphql' });
  await play(first.signIn(browser.login()));
  await play(other.restore());
  expect(other.getState().status).toBe('signedOut');
  expect(new Set(browser.channels.names).size).toBe(2);
});

test('outside a page nothing is shared unless somebody says so', async () => {
  const service = new FakeService();
  const [first, second] = [0, 1].map(() =>
    createVestibule({ endpoint: ENDPOINT, mode: 'bearer', fetch: service.fetchFor() }),
  );
  await play(first!.signIn(service.login()));
  await play(second!.restore());
  expect(second!.getState().status).toBe('signedOut');
});

test('a tab that slept while another one refreshed does not show the old token of the storage', async () => {
  const service = new FakeService({ ttl: 2_000 });
  const browser = new Browser(service, { storage: new FakeStorage() });
  const awake = browser.tab();
  // Hears nothing, as a page that the browser has frozen.
  const asleep = browser.tab({ tabs: { locks: null, channel: null } });
  await play(awake.signIn(browser.login()));
  await play(asleep.restore());
  for (let turn = 0; turn < 10; turn += 1) {
    await vi.advanceTimersByTimeAsync(3_000);
    await play(run(awake, ME));
  }
  await vi.advanceTimersByTimeAsync(60_000);
  expect((await play(run(asleep, ME))).data?.['me']).toBeTruthy();
  expect(service.sessions[0]?.isEnded).toBe(false);
});

test('an answer that another tab has overtaken is not kept', async () => {
  const service = new FakeService({ ttl: 2_000 });
  const browser = new Browser(service, { tabs: { locks: null, channel: null } });
  const channel = browser.channels.channel;
  const first = browser.tab({ tabs: { locks: null, channel } });
  let delay = 0;
  const send = service.fetchFor();
  const slow = browser.tab({
    tabs: { locks: null, channel },
    fetch: async (input, init) => {
      const answer = await send(input, init);
      if (String(init?.body).includes('VestibuleRefresh')) await new Promise((done) => setTimeout(done, delay));
      return answer;
    },
  });
  await play(first.signIn(browser.login()));
  await play(slow.restore());
  await vi.advanceTimersByTimeAsync(2_500);
  delay = 3_500;
  const late = run(slow, ME);
  await vi.advanceTimersByTimeAsync(100);
  for (let turn = 0; turn < 2; turn += 1) {
    await play(run(first, ME));
    await vi.advanceTimersByTimeAsync(1_650);
  }
  await play(late);
  delay = 0;
  await vi.advanceTimersByTimeAsync(30_000);
  expect(errorOf(await play(run(slow, ME)))).toBeUndefined();
  expect(service.sessions[0]?.isEnded).toBe(false);
});

test('a channel that gives back what was said to it says nothing new', async () => {
  const service = new FakeService();
  const browser = new Browser(service, { mode: 'cookie' });
  const tab = browser.tab();
  await play(tab.signIn(browser.login()));
  const { from } = browser.channels.said[0] as { from: string };
  const end = { type: 'signedOut', sessionId: 'sess_1', reason: 'SIGNED_OUT', isPending: false };
  browser.channels.forge({ ...end, vestibule: 1, endpoint: ENDPOINT, mode: 'cookie', from });
  await vi.advanceTimersByTimeAsync(10);
  expect(tab.getState().status).toBe('signedIn');
});

test('a tab that is disposed of hears and says nothing more, whatever was under way', async () => {
  const service = new FakeService({ ttl: 2_000 });
  const browser = new Browser(service, { mode: 'cookie' });
  const [first, second] = [browser.tab(), browser.tab()];
  await play(first.signIn(browser.login()));
  await vi.advanceTimersByTimeAsync(2_500);
  const waiting = run(first, ME).catch((error: { code: string }) => error.code);
  await vi.advanceTimersByTimeAsync(5);
  first.dispose();
  await play(waiting);
  service.end('sess_1');
  await play(run(second, ME));
  expect(first.getState().status).not.toBe('signedOut');
  await play(first.signOut());
  expect(browser.ends.filter(([tab]) => tab === second)).toHaveLength(1);
});
