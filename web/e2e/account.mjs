// Follows the links of mails in a real browser, as the people do who get them:
//
//   VESTIBULE_BIN=../target/debug/vestibule node e2e/account.mjs
//
// CHROMIUM    the browser to start (default /usr/bin/chromium)
// SCREENSHOT  where to save a PNG of each page; its name is put before the ending (optional)
// TIMEOUT_MS  the bound of each single wait (default 20000)
//
// Starts a service of its own (service.mjs), without a mail server, so that its mails are at /dev/mail. Prints
// an "ok" line per check. Exit code 0: all passed, 1: something did not.

import { chromium } from 'playwright-core';

import { assert, ok, redact, sleep, until } from './checks.mjs';
import { main } from './service.mjs';

const TIMEOUT = Number(process.env.TIMEOUT_MS ?? 20_000);
/** A page that does something by itself has done it by then. */
const SETTLE = 700;
const WEAK = 'password1';

const ME = '{ me { id email emailVerified } }';
const LOGIN = 'mutation ($input: LoginInput!) { login(input: $input) { user { id } accessToken } }';
const REQUEST_RESET =
  'mutation ($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { ticket } }';
const REQUEST_CHANGE =
  'mutation ($input: RequestEmailChangeInput!) { requestEmailChange(input: $input) { ticket } }';

const newPassword = () => `correct horse ${Math.random().toString(36).slice(2)}`;

/** A browser that has never been here, and what it must not see. */
class Visitor {
  /** What must not happen on any page. */
  violations = [];
  /** The requests that were sent to the API. */
  posts = [];
  /** Mails that were opened, or left alone. */
  seen = new Set();

  static async start(browser, service) {
    const visitor = new Visitor();
    const context = await browser.newContext({ viewport: { width: 900, height: 900 }, locale: 'en-US' });
    context.setDefaultTimeout(TIMEOUT);
    await visitor.#watch(context, service);
    return Object.assign(visitor, { service, page: await context.newPage() });
  }

  async #watch(context, { url: origin }) {
    const violate = (what) => this.violations.push(redact(what));
    context.on('weberror', (error) => violate(`uncaught error: ${error.error().message}`));
    context.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) {
        violate(`console ${message.type()}: ${message.text()} (${message.location().url})`);
      }
    });
    context.on('request', (request) => {
      const url = new URL(request.url());
      if (url.origin !== origin) violate(`request to a foreign origin: ${url}`);
      if (request.method() !== 'GET') this.posts.push(`${request.method()} ${url.pathname}`);
      // What follows `#` is not sent; a token in what is would be in logs.
      if (url.search) violate(`request with a query: ${url}`);
    });
    context.on('requestfailed', (request) => {
      // The look at a password is given up when one goes on typing.
      if (this.isTyping && request.failure()?.errorText === 'net::ERR_ABORTED') return;
      violate(`request failed: ${request.url()} (${request.failure()?.errorText})`);
    });
    context.on('response', (response) => {
      if (response.status() >= 400) violate(`HTTP ${response.status()} for ${response.url()}`);
    });
    await context.addInitScript(() => {
      addEventListener('securitypolicyviolation', (event) => {
        console.error(`policy: ${event.effectiveDirective} refuses ${event.blockedURI}`);
      });
    });
  }

  assertClean() {
    assert(this.violations.length === 0, [...new Set(this.violations)].slice(0, 10).join('\n  '));
  }

  async screenshot(name) {
    const path = process.env.SCREENSHOT?.replace(/(\.png)?$/i, `-${name}.png`);
    if (path) await this.page.screenshot({ path });
  }

  /** The mails that /dev/mail shows, the newest first. */
  async mails() {
    await this.page.goto(`${this.service.url}/dev/mail`);
    return this.page.locator('h2').evaluateAll((titles) =>
      titles.map((title) => {
        const [to, text] = [title.nextElementSibling, title.nextElementSibling.nextElementSibling];
        return {
          path: title.querySelector('a').pathname,
          subject: title.textContent,
          to: to.textContent.replace(/^To /, ''),
          text: text.textContent,
          link: text.querySelector('a')?.getAttribute('href') ?? null,
        };
      }),
    );
  }

  /** Waits for a mail that was not asked for before, and stays at /dev/mail. */
  async mail(to, subject) {
    const isMeant = (mail) => mail.to === to && mail.subject === subject && !this.seen.has(mail.path);
    const what = `the mail "${subject}" to ${to}`;
    const found = await until(what, async () => (await this.mails()).find(isMeant), TIMEOUT, 200);
    this.seen.add(found.path);
    return found;
  }

  /** Clicks the link of a mail; the page has the title and does nothing by itself. */
  async follow(mail, page, title, by = `a[href="${mail.link}"]`) {
    const { url } = this.service;
    const form = new RegExp(`^${url}/account/${page}#token=[A-Za-z0-9_-]+&lang=(en|fr)$`);
    assert(form.test(mail.link), `the link of "${mail.subject}" is ${mail.link}`);
    const before = this.posts.length;
    await this.page.locator(by).first().click();
    await this.page.getByRole('heading', { level: 1, name: title, exact: true }).waitFor();
    await sleep(SETTLE);
    assert(this.posts.length === before, `opening ${page} sends ${this.posts.slice(before)}`);
    // The token is neither in the address that the window shows nor in the history.
    assert(this.page.url() === `${url}/account/${page}`, `the address is ${this.page.url()}`);
    assert((await this.page.title()) === title, `the title of ${page} is ${await this.page.title()}`);
    this.assertClean();
    await this.screenshot(page);
  }

  /** Presses the button; gives back what the page says then. */
  async press(button, role) {
    await this.page.getByRole('button', { name: button, exact: true }).click();
    const result = this.page.locator(`#result[role="${role}"]:not(:empty)`);
    await result.waitFor();
    return result.textContent();
  }

  /** Presses the button, which must succeed; nothing is left to press. */
  async succeed(button, text) {
    const said = await this.press(button, 'status');
    assert(said.startsWith(text), `the page says: ${said}`);
    assert((await this.page.locator('form, button').count()) === 0, 'there is something left to press');
    this.assertClean();
  }

  /** Presses the button of a link that is worth nothing any more. */
  async fail(button, text) {
    const said = await this.press(button, 'alert');
    assert(said.startsWith(text), `the page says: ${said}`);
    assert((await this.page.locator('form, button').count()) === 0, 'there is something left to press');
    this.assertClean();
  }
}

async function assertVerified(service, { token }, expected, when) {
  const { me } = await service.ask(ME, { token });
  assert(me?.emailVerified === expected, `emailVerified ${when} is ${me?.emailVerified}`);
}

const logIn = (service, email, password) =>
  service.answer(LOGIN, { variables: { input: { email, password } } });

async function assertLogin(service, { id }, email, password, what) {
  const { data, errors } = await logIn(service, email, password);
  assert(data?.login?.user.id === id, `a login with ${what} fails: ${JSON.stringify(errors)}`);
  return data.login.accessToken;
}

async function assertNoLogin(service, email, password, what) {
  const { errors } = await logIn(service, email, password);
  const code = errors?.[0].extensions.code;
  assert(code === 'INVALID_CREDENTIALS', `a login with ${what}: ${code ?? 'no error'}`);
}

async function assertLoggedOut(service, token, what) {
  const { errors } = await service.answer(ME, { token });
  const { code, reason } = errors?.[0].extensions ?? {};
  assert(code === 'UNAUTHENTICATED' && reason === 'SESSION_REVOKED', `${what}: ${code}, ${reason}`);
}

async function verification(service, visitor, person) {
  await assertVerified(service, person, false, 'after the registration');
  const mail = await visitor.mail(person.email, 'Confirm your e-mail address for Vestibule');
  assert(mail.text.includes('Hello Ada Lovelace,'), `the mail greets: ${mail.text.split('\n')[0]}`);
  await visitor.follow(mail, 'verify-email', 'Confirm your e-mail address');
  await assertVerified(service, person, false, 'after the link was opened');
  ok('the link of the mail opens a page; opening it verifies nothing, and the token is not in the address');

  await visitor.succeed('Confirm the address', 'Your e-mail address is confirmed.');
  await assertVerified(service, person, true, 'after the button was pressed');
  ok('the button verifies the address, and the page says so');

  await visitor.mails();
  await visitor.follow(mail, 'verify-email', 'Confirm your e-mail address');
  await visitor.fail('Confirm the address', 'This link was used already or has expired.');
  await visitor.page.goto(`${service.url}/account/verify-email`);
  await visitor.page.getByRole('alert').getByText('This link is incomplete.').waitFor();
  assert((await visitor.page.locator('form').count()) === 0, 'there is a form without a token');
  ok('a link that was used and a link without a token are told apart, and nothing is offered');
}

const passwordFields = (page) =>
  ['New password', 'Repeat the new password'].map((label) => page.getByLabel(label, { exact: true }));

/** Types a password, until the meter says the right thing of it. */
async function assertStrength({ page }, password, isGood) {
  const [[input], made] = [passwordFields(page), page.locator('.strength')];
  await input.fill('');
  await made.waitFor({ state: 'hidden' });
  await input.pressSequentially(password, { delay: 5 });
  await made.waitFor();
  // A pause in the typing may have shown what half of the password is worth.
  await until(`the strength of a ${isGood ? 'good' : 'bad'} password`, async () => {
    const [score, words] = [await made.locator('meter').evaluate((meter) => meter.value), await made.innerText()];
    const isRefused = words.includes('This password will not be accepted.');
    assert(/^Password strength: (very )?(weak|fair|good)\./.test(words), `the meter says: ${words}`);
    return isRefused !== isGood && (score >= 3) === isGood;
  }, TIMEOUT);
}

async function reset(service, visitor, person) {
  const { page } = visitor;
  const second = newPassword();
  await service.ask(REQUEST_RESET, { variables: { input: { email: person.email } } });
  const mail = await visitor.mail(person.email, 'Choose a new password for Vestibule');
  await visitor.follow(mail, 'reset-password', 'Choose a new password');
  const [first, repeat] = passwordFields(page);
  const button = 'Change the password';

  visitor.isTyping = true;
  await assertStrength(visitor, WEAK, false);
  await visitor.screenshot('weak-password');
  await repeat.fill('something else');
  assert((await visitor.press(button, 'alert')) === 'The two passwords are not the same.', 'two passwords are taken');
  await repeat.fill(WEAK);
  const refusal = await visitor.press(button, 'alert');
  assert(refusal === 'The password is too easy to guess. Please choose another one.', `the page says: ${refusal}`);
  visitor.assertClean();
  await assertLogin(service, person, person.email, person.password, 'the old password before the reset');
  ok('a weak password is shown as such while it is typed, and refused when it is sent');

  await assertStrength(visitor, second, true);
  visitor.isTyping = false;
  await page.getByLabel('Show the password').check();
  assert((await repeat.getAttribute('type')) === 'text', 'the password is not shown');
  await repeat.fill(second);
  assert((await first.inputValue()) === second, 'the password is not what was typed');
  await visitor.screenshot('strong-password');
  await visitor.succeed(button, 'Your password is changed, and all your devices are logged out.');
  await assertNoLogin(service, person.email, person.password, 'the old password');
  await assertLoggedOut(service, person.token, 'a session from before the reset');
  await assertLogin(service, person, person.email, second, 'the new password');
  const notice = await visitor.mail(person.email, 'Your Vestibule password was changed');
  assert(notice.link === null, `the notice has the link ${notice.link}`);
  ok('a strong one is taken with the same link: the old one logs in no more, the new one does');
  return second;
}

/** Moves the account; gives back the address that it has then, and its token. */
async function change(service, visitor, person, password) {
  const email = person.email.replace('@', '.moved@');
  const token = await assertLogin(service, person, person.email, password, 'the new password');
  await service.ask(REQUEST_CHANGE, { token, variables: { input: { newEmail: email } } });
  const mail = await visitor.mail(email, 'Confirm your new e-mail address for Vestibule');
  await visitor.follow(mail, 'confirm-email-change', 'Confirm your new e-mail address');
  assert((await service.ask(ME, { token })).me.email === person.email, 'opening the link moves the account');
  await visitor.succeed('Use this address', 'Your account uses the new e-mail address now.');
  const { me } = await service.ask(ME, { token });
  assert(me.email === email && me.emailVerified, `after the change: ${JSON.stringify(me)}`);
  await assertNoLogin(service, person.email, password, 'the old address');
  await assertLogin(service, person, email, password, 'the new address');
  ok('the account moves to a new address when the button of the page is pressed, not before');
  return { email, token };
}

async function undo(service, visitor, person, password, moved) {
  const mail = await visitor.mail(person.email, 'The e-mail address of your Vestibule account was changed');
  await visitor.follow(mail, 'undo-email-change', 'Undo the change of your e-mail address');
  const { me: before } = await service.ask(ME, { token: moved.token });
  assert(before.email === moved.email, 'opening the link moves the account');
  await visitor.succeed('Bring the old address back', 'The old e-mail address is back,');
  await assertLoggedOut(service, moved.token, 'a session from before the account moved back');
  await assertNoLogin(service, moved.email, password, 'the new address');
  await assertNoLogin(service, person.email, password, 'the password from before');
  ok('the mail to the old address brings it back: nobody is logged in, and the password is worthless');

  const third = newPassword();
  const { page } = visitor;
  const way = await visitor.mail(person.email, 'Choose a new password for Vestibule');
  await visitor.follow(way, 'reset-password', 'Choose a new password');
  visitor.isTyping = true;
  for (const field of passwordFields(page)) await field.fill(third);
  await visitor.succeed('Change the password', 'Your password is changed,');
  visitor.isTyping = false;
  const token = await assertLogin(service, person, person.email, third, 'the password after the move back');
  const { me } = await service.ask(ME, { token });
  assert(me.email === person.email && me.emailVerified, `after the move back: ${JSON.stringify(me)}`);
  await assertNoLogin(service, moved.email, third, 'the new address');
  ok('the way to a new password comes by itself, and leads to one');
}

/** The mail as HTML this time, in a browser that speaks English. */
async function french(service, visitor) {
  const { page } = visitor;
  const person = await service.register({ locale: 'fr' });
  const mail = await visitor.mail(person.email, 'Confirmez votre adresse e-mail pour Vestibule');
  assert(mail.text.includes('Bonjour Ada Lovelace,'), `the mail greets: ${mail.text.split('\n')[0]}`);
  assert(mail.link.endsWith('&lang=fr'), 'the link does not tell the language');
  await page.locator(`h2 a[href="${mail.path}"]`).click();
  await page.getByRole('heading', { level: 1, name: 'Confirmez votre adresse e-mail', exact: true }).waitFor();
  assert((await page.locator('html').getAttribute('lang')) === 'fr', 'the mail does not say that it is French');
  await visitor.screenshot('mail-fr');
  await visitor.follow(mail, 'verify-email', 'Confirmer votre adresse e-mail', 'a:text-is("Confirmer mon adresse")');
  assert((await page.locator('html').getAttribute('lang')) === 'fr', 'the page does not say that it is French');
  await assertVerified(service, person, false, 'after the link was opened');
  await visitor.succeed('Confirmer l’adresse', 'Votre adresse e-mail est confirmée.');
  await assertVerified(service, person, true, 'after the button was pressed');
  ok('with locale fr the mail, whose HTML is clicked this time, and the page are French');
}

async function play(start, browser) {
  const service = await start();
  const visitor = await Visitor.start(browser, service);
  try {
    const person = await service.register();
    await verification(service, visitor, person);
    const password = await reset(service, visitor, person);
    const moved = await change(service, visitor, person, password);
    // The mail with the way back is sent some seconds after the move.
    await french(service, visitor);
    await undo(service, visitor, person, password, moved);
    visitor.assertClean();
    ok('no error and no warning on the console, no violation of a policy, no request elsewhere');
  } catch (error) {
    await visitor.screenshot('failed').catch(() => {});
    const seen = [...new Set(visitor.violations)].slice(0, 10).join('\n  ');
    if (seen && !error.message.includes(seen)) console.error(`seen on the pages:\n  ${seen}`);
    throw error;
  }
  const { status } = await service.stop();
  assert(status === 0, `the service ended with status ${status}`);
}

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
  try {
    await play(start, browser);
  } finally {
    await Promise.race([browser.close(), sleep(5000)]);
  }
}, 85_000);
