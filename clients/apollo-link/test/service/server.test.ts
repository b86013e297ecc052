// A server that renders pages: one client for each request, and cookies that go through it.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { describe, test, type TestContext } from 'vitest';

import { createCookieJar } from '../../src/index.js';
import { Browser, LIFE, ME, openTab, Proxy, register, sleep, startService } from './support.js';

/** Renders a page with the name of whoever asks for it. */
async function startPages(context: TestContext, endpoint: string): Promise<string> {
  const server = createServer((request, response) => {
    const render = async () => {
      const jar = createCookieJar(request.headers.cookie);
      const { auth, client } = openTab(context, { endpoint, mode: 'cookie', cookies: jar });
      const { status } = await auth.restore();
      response.setHeader('Set-Cookie', jar.takeSetCookies());
      const { data } = await client.query<any>({ query: ME });
      response.end(JSON.stringify({ status, name: data?.me?.name ?? null, session: auth.getState().session?.userId ?? null }));
    };
    render().catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  context.onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function visit(browser: Browser, pages: string) {
  const answer = await fetch(pages, { headers: { cookie: `theme=dark; ${browser.header}` } });
  const page = (await answer.json()) as { status: string; name: string | null; session: string | null };
  const setCookies = answer.headers.getSetCookie();
  browser.take(setCookies);
  return { page, setCookies };
}

describe.concurrent('pages', () => {
  test('are those of whoever asks, and new cookies get to the browser', async (context) => {
    const { expect } = context;
    const service = await startService(context);
    const proxy = await Proxy.before(context, service);
    const pages = await startPages(context, `${proxy.url}/graphql`);
    const [ada, nobody] = [new Browser(context), new Browser(context)];
    const person = await register(ada.tab({ endpoint: `${service.url}/graphql`, mode: 'cookie', tabs: false }), 'COOKIE');

    const fresh = await visit(ada, pages);
    expect(fresh.page).toEqual({ status: 'signedIn', name: 'Ada Lovelace', session: person.id });
    expect(fresh.setCookies).toEqual([]);

    await sleep(LIFE);
    const { page, setCookies } = await visit(ada, pages);
    expect(page).toEqual({ status: 'signedIn', name: 'Ada Lovelace', session: person.id });
    expect(setCookies.map((line) => line.split('=')[0])).toEqual(['vestibule_access', 'vestibule_refresh']);
    expect(setCookies.every((line) => line.includes('HttpOnly') && line.includes('SameSite=Lax'))).toBe(true);
    expect(proxy.count('refresh')).toBe(1);
    // The next page has the new cookies.
    expect((await visit(ada, pages)).page.status).toBe('signedIn');
    expect((await visit(nobody, pages)).page).toEqual({ status: 'signedOut', name: null, session: null });
  });

  test('that are asked for at once, with cookies that have expired, end no session', async (context) => {
    const { expect } = context;
    const service = await startService(context);
    const pages = await startPages(context, `${service.url}/graphql`);
    const browser = new Browser(context);
    const tab = browser.tab({ endpoint: `${service.url}/graphql`, mode: 'cookie', tabs: false });
    await register(tab, 'COOKIE');
    for (let round = 0; round < 3; round += 1) {
      await sleep(LIFE);
      const visits = await Promise.all(Array.from({ length: 10 }, () => visit(browser, pages)));
      expect(visits.map(({ page }) => page.name)).toEqual(visits.map(() => 'Ada Lovelace'));
    }
    expect((await tab.client.query<any>({ query: ME })).data?.me.name).toBe('Ada Lovelace');
  });

  test('of two people never mix, however many are rendered at once', async (context) => {
    const { expect } = context;
    const service = await startService(context);
    const endpoint = `${service.url}/graphql`;
    const pages = await startPages(context, endpoint);
    const browsers = [new Browser(context), new Browser(context), new Browser(context)];
    const ids: (string | null)[] = [];
    for (const browser of browsers.slice(0, 2)) {
      ids.push((await register(browser.tab({ endpoint, mode: 'cookie', tabs: false }), 'COOKIE')).id);
    }
    ids.push(null);
    await sleep(LIFE);
    const visits = await Promise.all(
      Array.from({ length: 30 }, async (_, i) => [i % 3, (await visit(browsers[i % 3]!, pages)).page.session] as const),
    );
    for (const [i, session] of visits) expect(session).toBe(ids[i]);
  });
});
