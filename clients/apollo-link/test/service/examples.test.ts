// The examples, as they are, against a real service.

import type { AddressInfo } from 'node:net';

import { describe, test, vi } from 'vitest';
import { WebSocket } from 'ws';

import { start as startMobile } from '../../examples/mobile.js';
import { createPages } from '../../examples/server-rendering.js';
import { start as startBearer } from '../../examples/spa-bearer.js';
import { start as startCookie } from '../../examples/spa-cookie.js';
import { FakeStorage } from '../support/browser.js';
import { Browser, LIFE, ME, openTab, register, sleep, startService, type RunningService } from './support.js';

/** Somebody who has an account. */
async function somebody(context: Parameters<typeof startService>[0], service: RunningService) {
  const tab = openTab(context, { endpoint: `${service.url}/graphql`, mode: 'bearer' });
  return register(tab, 'BEARER');
}

// The pages find `fetch` and `WebSocket` where browsers have them, which is one place for all.
describe('a page', () => {
  test('spa-cookie', async (context) => {
    const { expect } = context;
    const service = await startService(context);
    const { email, password, id } = await somebody(context, service);
    const browser = new Browser(context);
    vi.stubGlobal('fetch', browser.wrap(fetch));
    vi.stubGlobal('WebSocket', browser.WebSocket);
    context.onTestFinished(() => void vi.unstubAllGlobals());
    const page = await startCookie(`${service.url}/graphql`);
    context.onTestFinished(() => page.auth.dispose());
    expect(page.status).toBe('signedOut');
    await page.logIn(email, password);
    await sleep(LIFE);
    expect((await page.client.query<any>({ query: ME })).data?.me.id).toBe(id);
    const reloaded = await startCookie(`${service.url}/graphql`);
    context.onTestFinished(() => reloaded.auth.dispose());
    expect(reloaded.status).toBe('signedIn');
    expect(await reloaded.auth.signOut()).toBe(true);
  });

  test('spa-bearer', async (context) => {
    const { expect } = context;
    const service = await startService(context);
    const { email, password, id } = await somebody(context, service);
    vi.stubGlobal('WebSocket', WebSocket);
    context.onTestFinished(() => void vi.unstubAllGlobals());
    const page = await startBearer(`${service.url}/graphql`);
    context.onTestFinished(() => page.auth.dispose());
    expect(page.status).toBe('signedOut');
    await page.logIn(email, password);
    await sleep(LIFE);
    expect((await page.client.query<any>({ query: ME })).data?.me.id).toBe(id);
    expect((await page.askOwnService(`${service.url}/health/live`)).status).toBe(200);
  });
});

describe.concurrent('a program', () => {
  test('mobile', async (context) => {
    const { expect } = context;
    const service = await startService(context);
    const { email, password } = await somebody(context, service);
    const keyChain = new FakeStorage();
    const report = (error: Error) => expect.fail(error.message);
    const app = await startMobile(`${service.url}/graphql`, keyChain, report);
    await app.logIn(email, password, 'my phone');
    await sleep(LIFE);
    const restarted = await startMobile(`${service.url}/graphql`, keyChain, report);
    expect(restarted.status).toBe('signedIn');
    expect(await restarted.name()).toBe('Ada Lovelace');
    await service.stop();
    await sleep(LIFE);
    expect(await restarted.name()).toBeNull();
    expect(restarted.auth.getState().status).toBe('signedIn');
  });

  test('server-rendering', async (context) => {
    const { expect } = context;
    const service = await startService(context);
    const browser = new Browser(context);
    await register(browser.tab({ endpoint: `${service.url}/graphql`, mode: 'cookie', tabs: false }), 'COOKIE');
    const pages = createPages(`${service.url}/graphql`);
    await new Promise<void>((done) => pages.listen(0, '127.0.0.1', done));
    context.onTestFinished(() => void pages.close());
    const url = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
    await sleep(LIFE);
    const answer = await fetch(url, { headers: { cookie: browser.header } });
    expect(await answer.text()).toBe('Hello Ada Lovelace');
    expect(answer.headers.getSetCookie()).toHaveLength(2);
    expect(await (await fetch(url)).text()).toBe('Hello stranger');
  });
});
