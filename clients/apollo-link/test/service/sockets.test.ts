// Subscriptions over real sockets: across the expiry of tokens, lost connections, and the end of a session.

import { gql } from '@apollo/client';
import { describe, test, type TestContext } from 'vitest';

import {
  Browser,
  LIFE,
  logIn,
  openTab,
  Proxy,
  register,
  SESSION_EVENTS,
  sleep,
  sockets,
  startService,
  until,
  type Person,
  type RunningService,
  type Tab,
} from './support.js';

interface Heard {
  readonly events: string[];
  readonly errors: string[];
  isComplete: boolean;
}

/** Subscribes as an application does. */
function listen(context: TestContext, { client }: Tab): Heard {
  const heard: Heard = { events: [], errors: [], isComplete: false };
  const subscription = client.subscribe<any>({ query: SESSION_EVENTS }).subscribe({
    next: ({ data, error }) => {
      if (error) heard.errors.push(String((error as any).errors?.[0]?.extensions?.reason ?? error));
      else heard.events.push(data.sessionEvents.type);
    },
    error: (error: unknown) => heard.errors.push(String(error)),
    complete: () => (heard.isComplete = true),
  });
  context.onTestFinished(() => subscription.unsubscribe());
  return heard;
}

const RENAME_SESSION = gql('mutation ($id: ID!) { renameSession(input: { id: $id, deviceName: "other" }) { session { id } } }');
const REVOKE = gql('mutation ($id: ID!) { revokeSession(input: { id: $id }) { sessionId } }');

/** Another device of the same person, which listens to nothing. */
async function device(context: TestContext, service: RunningService, person: Person) {
  const tab = openTab(context, { endpoint: `${service.url}/graphql`, mode: 'bearer' });
  const own = await logIn(tab, person, 'BEARER');
  return {
    tab,
    rename: () => tab.client.mutate({ mutation: RENAME_SESSION, variables: { id: own } }),
    revoke: (id: string) => tab.client.mutate({ mutation: REVOKE, variables: { id } }),
  };
}

/** Makes events until all have heard one more. */
async function untilHeard(rename: () => Promise<unknown>, ...all: Heard[]): Promise<void> {
  const before = all.map(({ events }) => events.length);
  for (let tries = 0; !all.every(({ events }, i) => events.length > before[i]!); tries += 1) {
    if (tries === 100) throw new Error('nobody hears anything');
    await rename();
    await sleep(50);
  }
}

describe.concurrent.each(['cookie', 'bearer'] as const)('%s mode', (mode) => {
  const transport = mode === 'cookie' ? 'COOKIE' : 'BEARER';
  /** The sockets of Node have no cookies of their own. */
  const socketsOf = (browser: Browser) =>
    mode === 'bearer' ? sockets() : sockets({ webSocketImpl: browser.WebSocket });

  test('a subscription lives on when its token expires, and a later one gets a new token', async (context) => {
    const { expect } = context;
    const service = await startService(context);
    const proxy = await Proxy.before(context, service);
    const browser = new Browser(context);
    const subscriptions = { ...socketsOf(browser), sessionEvents: false };
    const tab = browser.tab({ endpoint: `${proxy.url}/graphql`, mode, subscriptions });
    const { rename } = await device(context, service, await register(tab, transport));
    const first = listen(context, tab);
    await untilHeard(rename, first);

    await sleep(LIFE);
    await untilHeard(rename, first);
    const second = listen(context, tab);
    await untilHeard(rename, first, second);
    expect([first.errors, second.errors]).toEqual([[], []]);
    // The second has one of its own, or more on a machine so busy that its token has expired on the way.
    expect(proxy.sockets).toBeGreaterThanOrEqual(2);
    expect(proxy.count('refresh')).toBeGreaterThanOrEqual(1);
    expect(tab.ends).toEqual([]);
  });

  test('a connection that is lost comes back with a new token', async (context) => {
    const { expect } = context;
    const service = await startService(context);
    const proxy = await Proxy.before(context, service);
    const browser = new Browser(context);
    let reconnections = 0;
    const subscriptions = { ...socketsOf(browser), sessionEvents: false, onReconnected: () => (reconnections += 1) };
    const tab = browser.tab({ endpoint: `${proxy.url}/graphql`, mode, subscriptions });
    const { rename } = await device(context, service, await register(tab, transport));
    const heard = listen(context, tab);
    await untilHeard(rename, heard);
    await sleep(LIFE);
    proxy.cut();
    await until('it is connected again', () => reconnections === 1);
    await untilHeard(rename, heard);
    expect(heard.errors).toEqual([]);
    expect(tab.ends).toEqual([]);
  });

  test('a session that is ended elsewhere ends at once in all tabs, without anybody asking', async (context) => {
    const { expect } = context;
    const service = await startService(context);
    const browser = new Browser(context);
    const subscriptions = socketsOf(browser);
    const endpoint = `${service.url}/graphql`;
    const listening = browser.tab({ endpoint, mode, subscriptions });
    const silent = browser.tab({ endpoint, mode });
    const person = await register(listening, transport);
    await until('the other tab is signed in', () => silent.auth.getState().status === 'signedIn');
    const { revoke, tab } = await device(context, service, person);
    await sleep(500); // The socket has to be there.
    const begin = Date.now();
    await revoke(person.session);
    await until('both are signed out', () =>
      [listening, silent].every(({ auth }) => auth.getState().status === 'signedOut'),
    );
    context.annotate(`signed out ${Date.now() - begin} ms after the revocation`);
    expect(Date.now() - begin).toBeLessThan(2_000);
    expect([listening.ends, silent.ends]).toEqual([['SESSION_REVOKED'], ['SESSION_REVOKED']]);
    expect(tab.auth.getState().status).toBe('signedIn');
  });

  test('the service closes the socket with 4401: the session ends, and the subscription is told', async (context) => {
    const { expect } = context;
    const service = await startService(context);
    const browser = new Browser(context);
    const subscriptions = { ...socketsOf(browser), sessionEvents: false };
    const tab = browser.tab({ endpoint: `${service.url}/graphql`, mode, subscriptions });
    const person = await register(tab, transport);
    const { rename, revoke } = await device(context, service, person);
    const heard = listen(context, tab);
    await untilHeard(rename, heard);
    await revoke(person.session);
    await until('the session is over', () => tab.auth.getState().status === 'signedOut');
    expect(tab.ends).toEqual(['SESSION_REVOKED']);
    await until('the subscription has ended', () => heard.isComplete);
    expect(heard.events.at(-1)).toBe('REVOKED');
  });

  test('who signs in as somebody else listens as that one alone', async (context) => {
    const { expect } = context;
    const service = await startService(context);
    const browser = new Browser(context);
    const subscriptions = { ...socketsOf(browser), sessionEvents: false };
    const tab = browser.tab({ endpoint: `${service.url}/graphql`, mode, subscriptions });
    const ada = await device(context, service, await register(tab, transport));
    const asAda = listen(context, tab);
    await untilHeard(ada.rename, asAda);
    const grace = await device(context, service, await register(tab, transport));
    await until('the subscription of before has ended', () => asAda.isComplete);
    const asGrace = listen(context, tab);
    await untilHeard(grace.rename, asGrace);
    const count = asGrace.events.length;
    await ada.rename();
    await sleep(200);
    expect(asGrace.events.length).toBe(count);
    expect(tab.ends).toEqual(['REPLACED']);
  });
});

describe.concurrent('more', () => {
  test('a service that is restarted is listened to again', async (context) => {
    const { expect } = context;
    const service = await startService(context);
    let reconnections = 0;
    const subscriptions = sockets({ onReconnected: () => (reconnections += 1) });
    const tab = new Browser(context).tab({ endpoint: `${service.url}/graphql`, mode: 'bearer', subscriptions });
    const person = await register(tab, 'BEARER');
    await sleep(300);
    await service.stop();
    await sleep(LIFE);
    const again = await startService(context, {}, { port: service.port, folder: service.folder });
    await until('it is connected again', () => reconnections === 1);
    expect(tab.auth.getState().status).toBe('signedIn');
    const { revoke } = await device(context, again, person);
    await sleep(200);
    await revoke(person.session);
    await until('the session is over', () => tab.auth.getState().status === 'signedOut');
    expect(tab.ends).toEqual(['SESSION_REVOKED']);
  });

  test('without a session a subscription is refused, and no socket is opened', async (context) => {
    const { expect } = context;
    const proxy = await Proxy.before(context, await startService(context));
    const tab = new Browser(context).tab({ endpoint: `${proxy.url}/graphql`, mode: 'bearer', subscriptions: sockets() });
    const heard = listen(context, tab);
    await until('it is refused', () => heard.errors.length > 0);
    expect(heard.errors).toEqual(['MISSING']);
    expect(proxy.sockets).toBe(0);
  });
});
