// A real service that goes away, answers that get lost, storages that fail, sessions that end.

import { gql } from '@apollo/client';
import { describe, test } from 'vitest';

import { FakeStorage } from '../support/browser.js';
import { Browser, LIFE, logIn, ME, openTab, Proxy, register, RENAME, sleep, startService, storm, until } from './support.js';

describe.concurrent.each(['cookie', 'bearer'] as const)('%s mode', (mode) => {
  const transport = mode === 'cookie' ? 'COOKIE' : 'BEARER';

  test('answers of a refresh that get lost harm nobody', async (context) => {
    const { expect } = context;
    const proxy = await Proxy.before(context, await startService(context));
    const tab = new Browser(context).tab({ endpoint: `${proxy.url}/graphql`, mode });
    await register(tab, transport);
    await sleep(LIFE);
    proxy.losing.set('refresh', 2);
    expect((await storm([tab], 20)).failures).toEqual([]);
    expect(proxy.count('refresh')).toBeGreaterThanOrEqual(3);
    await sleep(LIFE);
    expect((await storm([tab], 20)).failures).toEqual([]);
    expect(tab.ends).toEqual([]);
  });

  test('a service that is stopped and comes back during a refresh signs nobody out', async (context) => {
    const { expect } = context;
    const service = await startService(context);
    const tab = new Browser(context).tab({ endpoint: `${service.url}/graphql`, mode });
    await register(tab, transport);
    await sleep(LIFE);
    await service.stop();
    const statuses: string[] = [];
    tab.auth.subscribe(({ status }) => statuses.push(status));
    const waiting = storm([tab], 50);
    await until('it refreshes', () => statuses.includes('refreshing'));
    await startService(context, {}, { port: service.port, folder: service.folder });
    expect((await waiting).failures).toEqual([]);
    expect(tab.ends).toEqual([]);
  });

  test('a session that is ended from another device ends in all tabs', async (context) => {
    const { expect } = context;
    const service = await startService(context);
    const endpoint = `${service.url}/graphql`;
    const browser = new Browser(context);
    const [first, second] = [browser.tab({ endpoint, mode }), browser.tab({ endpoint, mode })];
    const person = await register(first, transport);
    await until('the other tab is signed in', () => second.auth.getState().status === 'signedIn');
    const device = openTab(context, { endpoint, mode: 'bearer' });
    await logIn(device, person, 'BEARER');
    await device.client.mutate({
      mutation: gql('mutation ($id: ID!) { revokeSession(input: { id: $id }) { sessionId } }'),
      variables: { id: person.session },
    });
    const error = await first.client.mutate({ mutation: RENAME, variables: { name: 'X' } }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED', reason: 'SESSION_REVOKED' } }] });
    await until('the other tab is signed out', () => second.auth.getState().status === 'signedOut');
    expect([first.ends, second.ends]).toEqual([['SESSION_REVOKED'], ['SESSION_REVOKED']]);
    expect(device.auth.getState().status).toBe('signedIn');
  });

  test('a sign-out is one in all tabs and at the service, also with an expired token', async (context) => {
    const { expect } = context;
    const service = await startService(context);
    const endpoint = `${service.url}/graphql`;
    const browser = new Browser(context);
    const [first, second] = [browser.tab({ endpoint, mode }), browser.tab({ endpoint, mode })];
    const person = await register(first, transport);
    await sleep(LIFE);
    expect(await first.auth.signOut()).toBe(true);
    await until('the other tab is signed out', () => second.auth.getState().status === 'signedOut');
    expect(second.ends).toEqual(['SIGNED_OUT']);
    expect(browser.cookies.has('vestibule_refresh')).toBe(false);
    expect((await second.client.query<any>({ query: ME })).data).toEqual({ me: null });
    const device = openTab(context, { endpoint, mode: 'bearer' });
    await logIn(device, person, 'BEARER');
    const { data } = await device.client.query<any>({ query: gql('{ me { id sessions { totalCount } } }') });
    expect(data.me.sessions.totalCount).toBe(1);
  });
});

describe.concurrent('more', () => {
  test('a mutation that is refused for its token is done once', async (context) => {
    const { expect } = context;
    const service = await startService(context);
    const proxy = await Proxy.before(context, service);
    const tab = new Browser(context).tab({ endpoint: `${proxy.url}/graphql`, mode: 'bearer' });
    await register(tab, 'BEARER', { isMisled: true });
    await sleep(LIFE);
    const { data: changed } = await tab.client.mutate<any>({ mutation: RENAME, variables: { name: 'Grace Hopper' } });
    expect(changed.updateProfile.user.name).toBe('Grace Hopper');
    expect(proxy.count('updateProfile')).toBe(2);
    const { data } = await tab.client.query<any>({ query: gql('{ me { id version } }') });
    expect(data.me.version).toBe(2);
  });

  test('a service that stays away fails operations in time and signs nobody out', async (context) => {
    const { expect } = context;
    const service = await startService(context);
    const tab = new Browser(context).tab({ endpoint: `${service.url}/graphql`, mode: 'bearer' });
    await register(tab, 'BEARER');
    await sleep(LIFE);
    await service.stop();
    const begin = Date.now();
    const error = await tab.client.query({ query: ME }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'VestibuleError', code: 'REFRESH_FAILED' });
    expect(Date.now() - begin).toBeLessThan(10_000);
    expect(tab.auth.getState().status).toBe('signedIn');
    await startService(context, {}, { port: service.port, folder: service.folder });
    expect((await storm([tab], 5)).failures).toEqual([]);
  });

  test('a storage that fails costs no session while the program runs, and a restart asks for a login', async (context) => {
    const { expect } = context;
    const service = await startService(context);
    const endpoint = `${service.url}/graphql`;
    const storage = new FakeStorage();
    const errors: string[] = [];
    const onError = ({ code }: { code: string }) => void errors.push(code);
    const tab = openTab(context, { endpoint, mode: 'bearer', storage, onError });
    await register(tab, 'BEARER');
    storage.failing.setItem = 'fails';
    for (let life = 0; life < 2; life += 1) {
      await sleep(LIFE);
      expect((await storm([tab], 20)).failures).toEqual([]);
    }
    expect(errors).toEqual(['STORAGE_FAILED']);
    const restarted = openTab(context, { endpoint, mode: 'bearer', storage });
    expect((await restarted.auth.restore()).status).toBe('signedOut');
    // The session of the one that runs was not taken for stolen.
    expect((await storm([tab], 5)).failures).toEqual([]);

    delete storage.failing.setItem;
    await storm([tab], 5);
    await sleep(100);
    const again = openTab(context, { endpoint, mode: 'bearer', storage });
    expect((await again.auth.restore()).status).toBe('signedIn');
    expect((await storm([again], 5)).failures).toEqual([]);
  });

  test('a service that runs trusted documents alone runs those of the package', async (context) => {
    const { expect } = context;
    const { writeFileSync } = await import('node:fs');
    const { createHash } = await import('node:crypto');
    const { documents } = await import('../../src/index.js');
    const service = await startService(context);
    await service.stop();
    const manifest = Object.fromEntries(
      Object.values(documents).map((text) => [createHash('sha256').update(text).digest('hex'), text]),
    );
    const file = `${service.folder}/documents.json`;
    writeFileSync(file, JSON.stringify(manifest));
    const trusting = await startService(context, { TRUSTED_DOCUMENTS: file }, { folder: service.folder });
    const tab = new Browser(context).tab({ endpoint: `${trusting.url}/graphql`, mode: 'cookie' });
    expect((await tab.auth.restore()).status).toBe('signedOut');
    expect(await tab.auth.signOut()).toBe(true);
    const error = await tab.client.query({ query: ME }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ errors: [{ extensions: { code: 'DOCUMENT_NOT_TRUSTED' } }] });
  });
});
