// Drives the playground in a real browser against a running service:
//
//   VESTIBULE_URL=http://127.0.0.1:8080 node e2e/playground.mjs
//
// VESTIBULE_URL  the service's base URL (required)
// CHROMIUM       the browser to start (default /usr/bin/chromium)
// SCREENSHOT     where to save a PNG of the page at the end (optional)
// TIMEOUT_MS     the bound of each single wait (default 20000)
//
// Prints an "ok" line per check. Exit code 0: all passed, 1: something did not.

import { chromium } from 'playwright-core';

import { assert, ok, redact } from './checks.mjs';

const TIMEOUT = Number(process.env.TIMEOUT_MS ?? 20_000);
const OVERALL = 6 * TIMEOUT;
/** GraphiQL takes an edit over, and reads the operation's name, with a delay. */
const SETTLE = 700;

if (!process.env.VESTIBULE_URL) {
  console.error('not ok - VESTIBULE_URL is not set');
  process.exit(1);
}
const base = new URL(process.env.VESTIBULE_URL);
const pageUrl = `${base.href.replace(/\/+$/, '')}/graphql`;

/** What must not happen while the page is open. */
const violations = [];
/** The addresses of the web workers that started. */
const workers = new Set();
let introspection; // 'on' or 'off', once the service has answered

function watch(page) {
  page.on('pageerror', (error) => violations.push(`uncaught error: ${error.message}`));
  page.on('console', (message) => {
    const text = message.text();
    const from = message.location().url;
    if (message.type() === 'error') {
      violations.push({ text: `console error: ${text} (${from})`, url: from });
    } else if (/web worker/i.test(text) && message.type() === 'warning') {
      violations.push(`a worker did not start: ${text}`);
    }
  });
  page.on('request', (request) => {
    const url = request.url();
    if (url.startsWith('data:image/')) return; // drawn from the page's own style sheets
    if (new URL(url).origin !== base.origin) violations.push(`request to a foreign origin: ${url}`);
  });
  page.on('requestfailed', (request) => {
    violations.push(`request failed: ${request.url()} (${request.failure()?.errorText})`);
  });
  page.on('response', (response) => {
    if (response.status() >= 400 && new URL(response.url()).pathname !== '/graphql') {
      violations.push(`HTTP ${response.status()} for ${response.url()}`);
    }
  });
  page.on('worker', (worker) => workers.add(worker.url()));
}

function assertClean() {
  // With introspection off the service may answer its query with a 4xx status,
  // which the browser reports as an error. That one is not the page's fault.
  const real = violations.filter(
    (v) => !(introspection === 'off' && v.url === pageUrl && /Failed to load resource/.test(v.text)),
  );
  if (real.length > 0) throw new Error(list(real));
}

/** Each violation once, the first few of them: a policy is broken a hundred times. */
function list(some) {
  const texts = [...new Set(some.map((v) => redact(v.text ?? v)))];
  const more = texts.length > 10 ? [`and ${texts.length - 10} more`] : [];
  return [...texts.slice(0, 10), ...more].join('\n  ');
}

/** The whole text of one of GraphiQL's editors (the page draws visible lines only). */
function editorText(page, file) {
  return page.evaluate((name) => {
    const model = globalThis.__MONACO.editor.getModels().find((m) => m.uri.path.endsWith(name));
    return model ? model.getValue() : null;
  }, file);
}

async function waitForEditor(page, file, predicate, what) {
  const end = Date.now() + TIMEOUT;
  let text;
  do {
    text = await editorText(page, file);
    if (text !== null && predicate(text)) return text;
    await page.waitForTimeout(100);
  } while (Date.now() < end);
  throw new Error(`${what}: not within ${TIMEOUT} ms. The editor holds: ${redact(String(text))}`);
}

/**
 * Replaces an editor's text the way a person does: click, select all, paste.
 * (The system's clipboard is out of reach on a plain http origin, hence an event
 * with a clipboard of its own; typed text would get closing brackets added.)
 */
async function paste(page, editor, text) {
  await editor.locator('.view-lines').click();
  await page.keyboard.press('ControlOrMeta+a');
  await editor.locator('textarea.inputarea').evaluate((area, pasted) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData('text/plain', pasted);
    area.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
  }, text);
}

/** Opens the Variables or the Headers pane and puts a JSON object into it. */
async function fillPane(page, pane, file, value) {
  await page.locator('.graphiql-editor-tools').getByRole('button', { name: pane, exact: true }).click();
  const text = JSON.stringify(value, null, 2);
  await paste(page, page.locator('.graphiql-editor-tool .graphiql-editor:not(.hidden)'), text);
  await waitForEditor(page, file, (now) => sameJson(now, value), `the ${pane} pane takes the text`);
  await page.waitForTimeout(SETTLE);
}

async function openTab(page, name) {
  await page.getByRole('tab', { name, exact: true }).or(tabButton(page, name)).first().click();
  await waitForEditor(
    page,
    'operation.graphql',
    (text) => new RegExp(`^(query|mutation) ${name}\\b`, 'm').test(text),
    `the ${name} tab opens`,
  );
  await page.waitForTimeout(SETTLE);
}

function tabButton(page, name) {
  return page.locator('.graphiql-session-header').getByRole('button', { name, exact: true });
}

/** Presses the run button; gives back the answer that the result pane shows. */
async function run(page, operation) {
  const answered = page.waitForResponse((response) => {
    const request = response.request();
    if (response.url() !== pageUrl || request.method() !== 'POST') return false;
    return request.postDataJSON()?.operationName === operation;
  });
  await page.locator('.graphiql-execute-button').click();
  const response = await answered;
  const headers = await response.request().allHeaders();
  assert(headers['content-type'] === 'application/json', `${operation}: content-type of the request`);
  assert(
    headers.accept === 'application/graphql-response+json, application/json',
    `${operation}: accept of the request is ${headers.accept}`,
  );
  const sent = await response.json();
  const shown = await waitForEditor(
    page,
    'response.json',
    (text) => sameJson(text, sent),
    `the result pane shows the answer to ${operation}`,
  );
  const answer = JSON.parse(shown);
  assert(!answer.errors, `${operation} failed: ${JSON.stringify(answer.errors)}`);
  return answer.data;
}

function sameJson(text, value) {
  try {
    return JSON.stringify(JSON.parse(text)) === JSON.stringify(value);
  } catch {
    return false;
  }
}

async function play(page) {
  page.setDefaultTimeout(TIMEOUT);
  watch(page);
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      console.error(`CSP violation: ${event.effectiveDirective} blocked ${event.blockedURI}`);
    });
  });

  const introspected = page.waitForResponse(
    (response) =>
      response.url() === pageUrl &&
      response.request().method() === 'POST' &&
      /__schema/.test(response.request().postData() ?? ''),
  );
  introspected.catch(() => {}); // looked at below
  const document = await page.goto(pageUrl);
  assert(document?.status() === 200, `GET ${pageUrl} answers ${document?.status()}`);
  assert((await page.title()) === 'Vestibule playground', `the title is ${await page.title()}`);
  ok('GET /graphql serves the playground to a browser');

  const policy = (await document.headerValue('content-security-policy')) ?? '';
  const directives = new Map(
    policy.split(';').map((part) => {
      const [name, ...sources] = part.trim().split(/\s+/);
      return [name, sources.join(' ')];
    }),
  );
  assert(directives.get('default-src') === "'none'", `no strict default-src in the policy: ${policy}`);
  assert(directives.get('script-src') === "'self'", `script-src is ${directives.get('script-src')}`);
  ok('the page is under a strict Content-Security-Policy');

  // The five examples, in their order.
  await page.locator('.graphiql-query-editor .view-lines').waitFor();
  const tabs = await page.locator('.graphiql-session-header [id^="graphiql-session-tab-"]').allInnerTexts();
  assert(tabs.join() === 'Register,Login,Me,Refresh,Logout', `the tabs are ${tabs.join()}`);
  assert(
    await page.locator('section[aria-label="Headers"] .monaco-editor').last().isVisible(),
    'the headers pane is open',
  );
  ok('a first visit shows the five example tabs and the headers pane');

  const schema = await (await introspected).json().catch(() => null);
  introspection = schema?.data?.__schema ? 'on' : 'off';
  if (introspection === 'on') {
    await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
    await page.locator('.graphiql-doc-explorer-content').getByText('Mutation', { exact: true }).waitFor();
    ok('the documentation explorer shows the schema');
    await page.getByRole('button', { name: 'Hide Documentation Explorer' }).click();
  } else {
    ok('introspection is off; the page goes on without a schema');
  }
  assertClean();

  // Register, with an address nobody has.
  const unique = `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}`;
  const email = `playground-${unique}@example.com`;
  await openTab(page, 'Register');
  await fillPane(page, 'Variables', 'variables.json', {
    input: { email, password: `correct horse ${unique}`, name: 'Ada Lovelace' },
  });
  const { register } = await run(page, 'Register');
  assert(register.user.email === email, 'Register answers with the e-mail address');
  assert(register.accessToken, 'Register answers with an access token');
  await page.locator('.result-window').getByText(email).first().waitFor();
  ok('Register runs and shows its answer');

  // Me, with the token from that answer in the headers pane.
  const authorization = { Authorization: `Bearer ${register.accessToken}` };
  await openTab(page, 'Me');
  await fillPane(page, 'Headers', 'request-headers.json', authorization);
  const { me } = await run(page, 'Me');
  assert(me.email === email, 'Me answers with the e-mail address');
  await page.locator('.result-window').getByText(email).first().waitFor();
  ok('Me runs with the access token and shows the e-mail address');
  if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });

  await openTab(page, 'Logout');
  await fillPane(page, 'Headers', 'request-headers.json', authorization);
  const { logout } = await run(page, 'Logout');
  assert(logout.success === true, 'Logout answers success');
  ok('Logout runs');

  // What ran, ran in workers of the page's own origin.
  const names = [...workers].map((url) => new URL(url).pathname);
  for (const worker of ['editor.worker', 'json.worker', 'graphql.worker']) {
    assert(
      names.some((name) => name.startsWith(`/playground/assets/${worker}`)),
      `${worker} did not start; started: ${names.join(', ') || 'none'}`,
    );
  }
  assert(
    [...workers].every((url) => new URL(url).origin === base.origin && url.startsWith('http')),
    `workers from elsewhere: ${[...workers].join(', ')}`,
  );
  ok('the three workers run from /playground/assets/');

  // GraphiQL writes its state with a delay: let it, then look for secrets.
  await page.waitForTimeout(1000);
  const stored = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
  for (const secret of [register.accessToken, register.refreshToken, unique].filter(Boolean)) {
    assert(!stored.includes(secret), 'a token, the password or the address is in the web storage');
  }
  ok('no token and no password is in the web storage');

  assertClean();
  ok('no console error, no policy violation, no request to a foreign origin');
}

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
let failed = false;
let page;
let timer;
try {
  // A fresh context: nothing stored, as on a first visit.
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  page = await context.newPage();
  const overall = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${OVERALL} ms`)), OVERALL);
  });
  await Promise.race([play(page), overall]);
} catch (error) {
  failed = true;
  console.error(`not ok - ${redact(error.message)}`);
  const seen = list(violations);
  if (seen && !error.message.includes(seen)) console.error(`seen on the page:\n  ${seen}`);
  if (process.env.SCREENSHOT && page) {
    await page.screenshot({ path: process.env.SCREENSHOT, timeout: 5000 }).catch(() => {});
  }
} finally {
  clearTimeout(timer);
  await Promise.race([browser.close(), new Promise((done) => setTimeout(done, 5000))]);
}
process.exit(failed ? 1 : 0);
