// What the scripts that drive the console share: the service, a browser, and people in front of it who must not
// see errors, violations of the policy, requests to other hosts, or a page that jumps.
//
// CONSOLE     service: the program serves the console itself; files: web/dist-console is served in front of it
// CHROMIUM    the browser to start (default /usr/bin/chromium)
// PICTURES    the folder for pictures of pages (default target/console-pictures)
// TIMEOUT_MS  the bound of each single wait (default 15000)

import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { chromium } from 'playwright-core';

import { assert, redact, sleep, until } from './checks.mjs';
import { POLICY, startConsole } from './console-server.mjs';
import { freePort, main } from './service.mjs';

export const TIMEOUT = Number(process.env.TIMEOUT_MS ?? 15_000);
/** Some mails wait for a while before they are sent. */
const MAIL = 30_000;
const MODE = process.env.CONSOLE ?? 'service';
const PICTURES = process.env.PICTURES ?? join(import.meta.dirname, '..', '..', 'target', 'console-pictures');
/** A page that is going to jump has jumped by then. */
const SETTLE = 250;
const MOST_SHIFT = 0.05;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** Best practices are held to beside WCAG. */
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** Mails that somebody has opened. */
const opened = new Set();
let pages = 0;
/** How many pages axe has looked at. */
export const pagesChecked = () => pages;

/** The texts of all operations that the console sends. */
export const documents = JSON.parse(
  readFileSync(join(import.meta.dirname, '..', 'dist-console', 'documents.json'), 'utf8'),
);
const trusted = new Set(documents);

/** Somebody in front of a browser that has never been here. */
export class Visitor {
  /** What must not happen on any page. */
  violations = [];
  /** What may go wrong just now: the network is away on purpose. */
  isBroken = false;

  static async start(browser, origin, options = {}) {
    const visitor = new Visitor();
    const usual = { viewport: { width: 1000, height: 800 }, locale: 'en-US', reducedMotion: 'reduce' };
    const context = await browser.newContext({ ...usual, ...options });
    context.setDefaultTimeout(TIMEOUT);
    Object.assign(visitor, { origin, context });
    await visitor.#watch();
    visitor.page = await context.newPage();
    return visitor;
  }

  async #watch() {
    const { context, origin } = this;
    const violate = (what) => this.violations.push(redact(what));
    context.on('weberror', (error) => violate(`uncaught error: ${error.error().message}`));
    context.on('console', (message) => {
      if (this.isBroken && /ERR_|WebSocket/.test(message.text())) return;
      if (['error', 'warning'].includes(message.type())) {
        violate(`console ${message.type()}: ${message.text()} (${message.location().url})`);
      }
    });
    context.on('request', (request) => {
      const url = new URL(request.url());
      if (url.protocol === 'blob:') return; // a picture that was chosen
      if (url.origin !== origin) violate(`request to a foreign origin: ${url}`);
      if (url.pathname === '/graphql' && request.method() === 'POST') this.#assertTrusted(request, violate);
    });
    context.on('response', (response) => {
      if (response.status() >= 400) violate(`HTTP ${response.status()} for ${response.url()}`);
    });
    await context.addInitScript(() => {
      addEventListener('securitypolicyviolation', (event) => {
        console.error(`policy: ${event.effectiveDirective} refuses ${event.blockedURI}`);
      });
      globalThis.shift = 0;
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) if (!entry.hadRecentInput) globalThis.shift += entry.value;
      }).observe({ type: 'layout-shift', buffered: true });
    });
  }

  /** Everything that is sent is in the file for TRUSTED_DOCUMENTS. */
  #assertTrusted(request, violate) {
    const { query } = request.postDataJSON() ?? {};
    if (query !== undefined && !trusted.has(query)) violate(`not in documents.json: ${query}`);
  }

  assertClean() {
    assert(this.violations.length === 0, [...new Set(this.violations)].slice(0, 10).join('\n  '));
  }

  /** Opens a page of the console anew; it must not jump while it loads. */
  async open(path, heading) {
    const answer = await this.page.goto(`${this.origin}/console${path}`);
    assert(
      answer.headers()['content-security-policy']?.includes(POLICY.split('; img-src')[0]),
      'the policy is not strict',
    );
    if (heading !== undefined) await this.at(heading);
    await sleep(SETTLE);
    const shift = await this.page.evaluate(() => globalThis.shift);
    assert(shift <= MOST_SHIFT, `${path} shifts by ${shift} while it loads`);
  }

  /** Waits until a page is there, by its heading. */
  async at(heading) {
    await this.page.getByRole('heading', { level: 1, name: heading, exact: true }).waitFor();
  }

  async go(link, heading = link) {
    await this.page.getByRole('navigation').getByRole('link', { name: link, exact: true }).click();
    await this.at(heading);
    const focused = await this.page.evaluate(() => document.activeElement?.tagName);
    assert(focused === 'H1', `after the way to ${link} the focus is on ${focused}`);
  }

  async press(name, within = this.page) {
    await within.getByRole('button', { name, exact: true }).click();
  }

  async fill(label, value) {
    await this.page.getByLabel(label, { exact: true }).fill(value);
  }

  /** Waits for a text that stands on the page. */
  async reads(text) {
    await this.page.getByText(text).filter({ visible: true }).first().waitFor();
  }

  /** A short message at the foot of the window. */
  async told(text) {
    await this.page.locator('.toast').getByText(text).first().waitFor();
  }

  async register({ name = 'Ada Lovelace', email, password }) {
    await this.open('/register', 'Make an account');
    await this.fill('Name', name);
    await this.fill('E-mail address', email);
    await this.fill('Password', password);
    await this.press('Make the account');
    await this.at('Confirm your e-mail address');
  }

  async logIn({ email, password }, heading = 'Profile') {
    await this.fill('E-mail address', email);
    await this.fill('Password', password);
    await this.press('Log in');
    await this.at(heading);
  }

  /**
   * The next requests of an operation, so many, are refused as the service would, once `ready` is there. Answers a
   * function that tells how many were.
   */
  async refuse(operation, extensions, { times = 1, ready = () => {} } = {}) {
    const refusal = { data: null, errors: [{ message: 'Refused.', extensions: { status: 401, ...extensions } }] };
    let refused = 0;
    await this.page.route('**/graphql', async (route) => {
      if (refused === times || route.request().postDataJSON()?.operationName !== operation) return route.fallback();
      refused += 1;
      await ready();
      return route.fulfill({ contentType: 'application/graphql-response+json', body: JSON.stringify(refusal) });
    });
    return () => refused;
  }

  /** No violation that axe knows. */
  async assertAccessible(what) {
    await this.page.evaluate(AXE);
    const found = await this.page.evaluate(async (values) => {
      // The check scrolls what can be scrolled; people find the page where they left it.
      const { violations } = await globalThis.axe.run(document, { runOnly: { type: 'tag', values } });
      return violations.map(
        ({ id, help, nodes }) =>
          `${id}: ${help}\n    ${nodes
            .slice(0, 4)
            .map((node) => node.html)
            .join('\n    ')}`,
      );
    }, RULES);
    pages += 1;
    assert(found.length === 0, `${what} is not accessible:\n  ${found.join('\n  ')}`);
  }

  /** Nothing is wider than the window. */
  async assertFits(what) {
    const { wide, width } = await this.page.evaluate(() => ({
      wide: document.documentElement.scrollWidth,
      width: document.documentElement.clientWidth,
    }));
    assert(wide <= width, `${what} is ${wide} px wide in a window of ${width}`);
  }

  async picture(name, options = {}) {
    mkdirSync(PICTURES, { recursive: true });
    await this.page.screenshot({
      path: join(PICTURES, `${name}.png`),
      fullPage: true,
      animations: 'disabled',
      ...options,
    });
  }

  /** The mails that /dev/mail shows, the newest first; read beside the page. */
  async mails() {
    const text = await (await fetch(`${this.origin}/dev/mail`)).text();
    const plain = (html) =>
      html
        .replaceAll(/<[^>]*>/g, '')
        .replaceAll('&gt;', '>')
        .replaceAll('&lt;', '<')
        .replaceAll('&quot;', '"')
        .replaceAll('&amp;', '&');
    return [...text.matchAll(/<h2><a href="([^"]*)">(.*?)<\/a><\/h2><p>To (.*?)<\/p><pre>(.*?)<\/pre>/gs)].map(
      ([, path, subject, to, body]) => ({ path, subject: plain(subject), to: plain(to), text: plain(body) }),
    );
  }

  /** Waits for a mail that was not asked for before: its text, with the `link` and the `code` in it. */
  async mail(to, subject) {
    const isMeant = (mail) => mail.to === to && mail.subject.includes(subject) && !opened.has(this.origin + mail.path);
    const found = await until(
      `the mail "${subject}" to ${to}`,
      async () => (await this.mails()).find(isMeant),
      MAIL,
      200,
    );
    opened.add(this.origin + found.path);
    return {
      ...found,
      link: found.text.match(/https?:\/\/\S+/)?.[0],
      code: found.text.match(/^\s*([0-9A-Z]{4}[- ]?[0-9A-Z]{4})\s*$/m)?.[1],
    };
  }
}

/** A service whose console can be opened: `{ service, origin }`. */
export async function startBoth(start, settings = {}) {
  if (MODE === 'service') {
    const port = await freePort();
    const links = { ACCOUNT_PAGES_URL: `http://127.0.0.1:${port}/console/` };
    const service = await start({ ...links, ...settings }, { port });
    return { service, origin: service.url, close() {} };
  }
  let service;
  const front = await startConsole(() => service.port);
  const links = { PUBLIC_URL: front.url, ACCOUNT_PAGES_URL: `${front.url}/console/` };
  service = await start({ ...links, ...settings });
  return { service, origin: front.url, close: () => front.close() };
}

/** Runs a script of checks in a browser. */
export async function play(script, ms) {
  await main(async (start) => {
    const browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      headless: true,
      timeout: TIMEOUT,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
    const visitors = [];
    const visit = async (origin, options) => {
      const visitor = await Visitor.start(browser, origin, options);
      visitors.push(visitor);
      return visitor;
    };
    try {
      await script(start, visit);
    } catch (error) {
      for (const [at, visitor] of visitors.entries()) {
        await visitor.picture(`failed-${at}`).catch(() => {});
        if (visitor.violations.length > 0)
          console.error(`seen by visitor ${at}:\n  ${visitor.violations.slice(0, 5).join('\n  ')}`);
      }
      throw error;
    } finally {
      await Promise.race([browser.close(), sleep(5000)]);
    }
  }, ms);
}
