// Walks through the console as people do: a newcomer's path, mails, sessions that are ended elsewhere, tokens that
// live 2 seconds in two tabs, a network that is away or slow, and the end of an account:
//
//   VESTIBULE_BIN=../target/debug/vestibule node e2e/console.mjs
//
// Settings and bounds: console-browser.mjs. Starts services of its own. Prints an "ok" line per check. Exit code
// 0: all passed, 1: something did not.

import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { assert, note, ok, sleep, until } from './checks.mjs';
import { TIMEOUT, documents, play, startBoth } from './console-browser.mjs';
import { png } from './pictures.mjs';
import { newFolder } from './service.mjs';

const PASSWORD = 'purple engine waltz';
const PICTURE = { name: 'me.png', mimeType: 'image/png', buffer: png(300, 300) };

async function register(ada) {
  const { page } = ada;
  await ada.open('', 'Log in');
  await page.getByRole('link', { name: 'Make an account' }).click();
  await ada.at('Make an account');
  await ada.press('Make the account');
  await ada.reads('Please fill this in.');
  const focused = await page.evaluate(() => document.activeElement?.getAttribute('name'));
  assert(focused === 'name', `the focus is on ${focused}, not on the first faulty field`);

  await ada.fill('Name', 'Ada Lovelace');
  await ada.fill('E-mail address', 'ada@');
  await ada.fill('Password', 'password1');
  await ada.reads(/Password strength: very weak\./);
  await ada.press('Make the account');
  await ada.reads('Please enter an e-mail address, such as ada@example.com.');
  await ada.reads('This password is too easy to guess. Please choose another one.');
  await ada.picture('register-faults');
  ok('the form shows what the service finds faulty, where it is, and how strong the password is');

  await ada.fill('E-mail address', 'ada@example.com');
  await ada.fill('Password', PASSWORD);
  await ada.reads(/Password strength: (good|very good)\./);
  await ada.press('Make the account');
  await ada.at('Confirm your e-mail address');
  const kept = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
  assert(!/vrt_|eyJ/.test(kept), 'a token is in the storage of the page');
  ok('a person registers and is logged in, with no token where scripts can read it');
}

async function verify(ada) {
  const { page } = ada;
  // As a person without a mail program does: in the development mailbox.
  const mail = await ada.mail('ada@example.com', 'Confirm your e-mail address');
  assert(mail.code, 'the mail has no code');
  await ada.fill('Code of the mail', 'AAAA-AAAA');
  await ada.press('Confirm the address');
  await ada.reads(/This link or code was used already, is wrong, or has expired/);
  await page.goto(`${ada.origin}/dev/mail`);
  await page.locator(`a[href="${mail.link}"]`).first().click();
  await ada.at('Confirm your e-mail address');
  assert(!page.url().includes('#'), `the token stands in the address ${page.url()}`);
  await ada.press('Confirm the address');
  await ada.reads('Your e-mail address is confirmed.');
  ok('the link of the mail in the development mailbox verifies the address, when its button is pressed');
}

async function picture(ada) {
  const { page } = ada;
  await page.getByRole('link', { name: 'Go on' }).click();
  await ada.at('Profile');
  await page.locator('input[type=file]').setInputFiles({ ...PICTURE, name: 'me.txt', mimeType: 'text/plain' });
  await ada.reads('This file is no JPEG, PNG, WebP or GIF picture.');
  await page.locator('input[type=file]').setInputFiles(PICTURE);
  await page.getByRole('img', { name: 'The picture that you have chosen' }).waitFor();
  await ada.press('Use this picture');
  await ada.told('Your picture is saved.');
  const image = page.getByRole('img', { name: 'Your picture' });
  await until('the picture is shown', () => image.evaluate((one) => one.complete && one.naturalWidth > 0), TIMEOUT);
  ok('a picture is chosen, looked at, uploaded, and shown');

  await ada.fill('User name (optional)', 'admin');
  await ada.press('Save');
  await ada.reads('This is reserved.');
  await ada.fill('User name (optional)', 'countess');
  await page.getByLabel('Time zone').selectOption('Europe/London');
  await ada.press('Save');
  await ada.told('Your profile is saved.');
  await page.reload();
  await ada.at('Profile');
  assert((await page.getByLabel('User name (optional)').inputValue()) === 'countess', 'the user name was not kept');
  ok('the profile is saved, and faults of the service stand at their fields');
}

async function sessions(ada, other) {
  await ada.go('Sessions');
  await ada.reads('1 session');
  await other.open('', 'Log in');
  await other.logIn({ email: 'ADA@example.com', password: PASSWORD });
  await ada.told(/New login: /);
  await ada.reads('2 sessions');
  ok('a login on another device is told at once, and is in the list');

  const second = ada.page
    .getByRole('listitem')
    .filter({ hasNotText: 'This device' })
    .filter({ has: ada.page.getByRole('button', { name: /^Rename / }) });
  await second.getByRole('button', { name: /^Rename / }).click();
  await ada.fill('Name of the device', 'old phone');
  await ada.press('Save');
  await ada.told('The device has a new name.');
  await other.told('A device is now called old phone.');
  await ada.press('Log out old phone');
  await ada.page.getByRole('dialog').waitFor();
  await ada.press('Log out', ada.page.getByRole('dialog'));
  await other.at('Log in');
  await other.reads('You were logged out: this session was ended on another device.');
  await ada.reads('1 session');
  assert(
    new URL(other.page.url()).searchParams.get('next') === '/profile',
    `the way back is lost: ${other.page.url()}`,
  );
  ok('it is renamed and revoked; the other window signs out by itself, and says why');

  await other.logIn({ email: 'ada@example.com', password: PASSWORD });
  await ada.reads('2 sessions');
  await ada.press('Log all other devices out');
  await ada.press('Log all other devices out', ada.page.getByRole('dialog'));
  await ada.told('1 device was logged out.');
  await other.at('Log in');
  ok('all other devices are logged out by one button');
}

/** A list that does not fit a page, and a dialog that is left by the keyboard. */
async function longList(ada, service) {
  const { page } = ada;
  for (let at = 0; at < 24; at += 1)
    await service.login({ email: 'ada@example.com', password: PASSWORD }, `device ${at}`);
  await ada.go('Profile');
  await ada.go('Sessions');
  await ada.reads('25 sessions');
  const rows = page.locator('.items > .item');
  assert((await rows.count()) === 20, `the first page has ${await rows.count()} sessions`);
  await ada.press('Show more');
  await until('all sessions', async () => (await rows.count()) === 25, TIMEOUT);
  assert(page.url().endsWith('/sessions?show=40'), `the address is ${page.url()}`);
  await page.reload();
  await until('all sessions after a reload', async () => (await rows.count()) === 25, TIMEOUT);
  const button = page.getByRole('button', { name: 'Rename device 7', exact: true });
  await button.press('Enter');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  assert(await button.evaluate((one) => one === document.activeElement), 'the focus is lost with the dialog');
  await ada.press('Log all other devices out');
  await ada.press('Log all other devices out', page.getByRole('dialog'));
  await ada.reads('1 session');
  const focused = await page.evaluate(() => document.activeElement?.tagName);
  assert(focused === 'H1', `the focus is on ${focused}, since its button is gone`);
  ok('a long list grows by a button and keeps its place over a reload; dialogs give the focus back');
}

/** A page that is loaded as its token expires: the first question who is there is refused, and so is the second. */
async function refusedAtFirst(ada) {
  // The page shows itself as that of somebody who is logged in, and waits for who it is.
  const known = ada.page.waitForResponse((response) => /WhoAmI/.test(response.request().postData() ?? ''));
  const ready = () => known.then(() => sleep(250));
  const expired = { code: 'UNAUTHENTICATED', reason: 'TOKEN_EXPIRED' };
  const refused = await ada.refuse('Me', expired, { times: 2, ready });
  await ada.page.reload();
  await ada.at('Sessions');
  await ada.reads('1 session');
  assert(refused() === 2, `${refused()} questions were refused`);
  await ada.page.unrouteAll({ behavior: 'wait' });
  ok('a page whose first questions are refused asks again who is there');
}

async function passwords(ada, other) {
  await ada.go('Password');
  await ada.fill('Current password', 'not my password');
  await ada.fill('New password', 'violet motor polka');
  await ada.press('Change the password');
  await ada.reads('This is not your password.');
  await ada.fill('Current password', PASSWORD);
  await ada.press('Change the password');
  await ada.told('Your password is changed.');
  ok('the password is changed, with the old one');

  await other.page.getByRole('link', { name: 'Forgotten your password?' }).click();
  await other.at('Forgotten password');
  await other.fill('E-mail address', 'ada@example.com');
  await other.press('Send the mail');
  await other.at('Choose a new password');
  const { code } = await other.mail('ada@example.com', 'Choose a new password');
  await other.fill('Code of the mail', code);
  await other.fill('New password', PASSWORD);
  await other.press('Change the password');
  await other.at('Log in');
  await other.reads('The password is changed. Please log in with the new one.');
  await ada.at('Log in');
  await other.logIn({ email: 'ada@example.com', password: PASSWORD });
  await ada.logIn({ email: 'ada@example.com', password: PASSWORD }, 'Password');
  ok('a forgotten one is replaced with the code of a mail; every other window signs out, and comes back to its page');
}

async function move(ada) {
  await ada.go('E-mail address');
  await ada.fill('New e-mail address', 'ada@lovelace.example');
  await ada.press('Send the mail');
  const { code } = await ada.mail('ada@lovelace.example', 'Confirm your new e-mail address');
  await ada.page.reload();
  await ada.at('E-mail address');
  await ada.fill('Code of the mail', code);
  await ada.press('Use this address');
  await ada.told('Your account uses the new e-mail address now.');
  await ada.page.getByRole('strong').getByText('ada@lovelace.example').waitFor();
  ok('the account moves with the code of a mail, also after a reload');

  const { link } = await ada.mail('ada@example.com', 'The e-mail address of your');
  await ada.page.goto(link);
  await ada.at('Undo the change of your e-mail address');
  await ada.press('Bring the old address back');
  await ada.reads(/The old e-mail address is back/);
  const way = await ada.mail('ada@example.com', 'Choose a new password');
  await ada.page.goto(way.link);
  await ada.at('Choose a new password');
  await ada.fill('New password', PASSWORD);
  await ada.press('Change the password');
  await ada.at('Log in');
  await ada.logIn({ email: 'ada@example.com', password: PASSWORD });
  ok('the link of the mail to the old address brings it back, and leads to a new password');
}

async function end(ada) {
  const { page } = ada;
  await ada.go('Security events');
  await ada.reads('E-mail change undone');
  await ada.go('Your data');
  // A wish of the service that takes 10 minutes to come by itself.
  await ada.refuse('ExportMyData', { code: 'REAUTHENTICATION_REQUIRED' });
  await ada.press('Download my data');
  const dialog = page.getByRole('dialog');
  await dialog.getByText('This needs your password again').waitFor();
  await ada.assertAccessible('the dialog for the password');
  await ada.picture('dialog-password', { fullPage: false });
  await dialog.getByLabel('Password', { exact: true }).fill('wrong');
  await ada.press('Go on', dialog);
  await dialog.getByText('This is not your password.').waitFor();
  await dialog.getByLabel('Password', { exact: true }).fill(PASSWORD);
  const [download] = await Promise.all([page.waitForEvent('download'), ada.press('Go on', dialog)]);
  assert(download.suggestedFilename() === 'vestibule-data.json', `the file is ${download.suggestedFilename()}`);
  ok('where the service wants the password again a dialog asks for it, and the data are downloaded then');

  await page.getByLabel('Language').selectOption('fr');
  await ada.at('Vos données');
  await page.getByLabel('Couleurs').selectOption('dark');
  await ada.press('Se déconnecter');
  await ada.at('Se connecter');
  await page.reload();
  await ada.at('Se connecter');
  const theme = await page.evaluate(() => document.documentElement.dataset.theme);
  assert(theme === 'dark', `the theme after a logout is ${theme}`);
  await page.getByLabel('Langue').selectOption('en');
  await page.getByLabel('Colours').selectOption('system');
  ok('language and colours stay over a logout, which clears the storage of the browser');

  await ada.logIn({ email: 'ada@example.com', password: PASSWORD });
  await ada.go('Your data');
  await ada.press('Delete my account');
  await ada.press('Delete the account', page.getByRole('dialog'));
  await ada.at('Your account is going to be deleted');
  await ada.reads(/It is erased on .*2\d{3}/);
  await ada.picture('deleted');
  await page.getByRole('link', { name: 'Log in and keep the account' }).click();
  await ada.at('Log in');
  await ada.logIn({ email: 'ada@example.com', password: PASSWORD });
  ok('the account is deleted, and a login before the day that is told brings it back');
}

const refreshes = (visitor) => {
  const seen = [];
  visitor.context.on('request', (request) => {
    if (/[Rr]efresh/.test(request.postDataJSON?.()?.query?.slice(0, 40) ?? '')) seen.push(Date.now());
  });
  return seen;
};

async function tokens(start, visit) {
  const { origin, service, close } = await startBoth(start, { ACCESS_TOKEN_TTL: '2s' });
  const eve = await visit(origin);
  const seen = refreshes(eve);
  await eve.register({ name: 'Eve', email: 'eve@example.com', password: PASSWORD });
  const second = await eve.context.newPage();
  await second.goto(`${origin}/console/sessions`);
  await second.getByText('1 session').waitFor();
  await eve.page.goto(`${origin}/console/profile`);
  await eve.at('Profile');
  const began = Date.now();
  while (Date.now() - began < 7000) {
    await Promise.all([
      eve.go('Sessions').then(() => eve.reads('1 session')),
      second.getByRole('link', { name: 'Security events' }).click(),
    ]);
    await Promise.all([eve.go('Security events'), second.getByRole('link', { name: 'Sessions', exact: true }).click()]);
    await second.getByText('1 session').waitFor();
    await sleep(150);
  }
  eve.assertClean();
  note(`${seen.length} refreshes in ${Math.round((Date.now() - began) / 1000)} s, by two tabs, with tokens of 2 s`);
  assert(seen.length >= 2 && seen.length <= 8, `there were ${seen.length} refreshes`);
  ok('two tabs go on with tokens that live 2 seconds, and refresh once for both');

  // A browser draws what is in the background once a second, and a click waits for two pictures.
  await eve.page.bringToFront();
  await eve.press('Log out');
  await eve.at('Log in');
  await second.getByRole('heading', { name: 'Log in' }).waitFor();
  await eve.logIn({ email: 'eve@example.com', password: PASSWORD });
  await second
    .getByRole('heading', { name: 'Sessions', exact: true })
    .or(second.getByRole('heading', { name: 'Profile', exact: true }))
    .waitFor();
  ok('a logout in one tab is one in the other, and so is a login');

  // The session ends while nobody listens: the socket is gone with the service.
  eve.isBroken = true;
  await second.close();
  const { token } = await service.login({ email: 'eve@example.com', password: PASSWORD });
  await service.ask('mutation { revokeOtherSessions { revokedCount } }', { token });
  await eve.at('Log in');
  ok('a session that is revoked by another client is left at once');
  await eve.context.close();
  close();
}

/** A file for TRUSTED_DOCUMENTS, of what the build has written. */
function trustedDocuments() {
  const entries = documents.map((text) => [createHash('sha256').update(text).digest('hex'), text]);
  const path = join(newFolder(), 'documents.json');
  writeFileSync(path, JSON.stringify(Object.fromEntries(entries)));
  return path;
}

/** Wrong passwords, until the service has enough. */
async function impatience(bob) {
  const { page } = bob;
  const submit = page.locator('button[type=submit]');
  await bob.go('Password');
  await bob.fill('New password', 'violet motor polka');
  const tooMany = page.locator('.alert').getByText('There were too many attempts. Please try again in').first();
  for (let tries = 0; (await tooMany.count()) === 0; tries += 1) {
    assert(tries < 15, 'nobody has to wait after 15 wrong passwords');
    await bob.fill('Current password', `wrong ${tries}`);
    await bob.press('Change the password');
    await page.locator('button[type=submit]:not([aria-disabled])').waitFor();
  }
  assert(await submit.isDisabled(), 'the form can be sent while one has to wait');
  await bob.reads('There were too many attempts. You can try again now.');
  await until('the form can be sent again', () => submit.isEnabled(), TIMEOUT);
  ok('who has tried too often sees for how long to wait, and goes on then');
}

async function network(start, visit) {
  // With the limits that services have at home, and nothing executed but what the build has written down.
  const settings = { RATE_LIMITS: '', TRUSTED_DOCUMENTS: trustedDocuments() };
  const { origin, close } = await startBoth(start, settings);
  const bob = await visit(origin);
  const { page, context } = bob;
  await bob.register({ name: 'Bob', email: 'bob@example.com', password: PASSWORD });
  await bob.press('Send another mail');
  await bob.told('Another mail is on its way.');
  await bob.press('Send another mail');
  await bob.reads(/There were too many attempts\. Please try again in \d+ (second|minute)s?\./);
  ok('another mail within a minute is refused, and the page says how long to wait');

  await page.goto(`${origin}/console/profile`);
  await bob.at('Profile');
  await impatience(bob);
  await bob.go('Profile');
  bob.isBroken = true;
  await context.setOffline(true);
  await bob.reads('You are offline. The page goes on by itself when the connection is back.');
  await bob.fill('Name', 'Robert');
  await bob.press('Save');
  await bob.reads('The service cannot be reached. Please check the connection and try again.');
  await bob.go('Sessions');
  await sleep(300);
  await bob.picture('offline');
  await context.setOffline(false);
  await bob.reads('1 session');
  await until('nothing is said of the network', async () => (await page.locator('.network p').count()) === 0, TIMEOUT);
  ok('offline is told; what was to be read comes by itself when the network is back, and a form can be sent again');

  let sent = 0;
  await page.route('**/graphql', async (route) => {
    if (/UpdateProfile/.test(route.request().postData() ?? '')) sent += 1;
    await sleep(1200);
    await route.continue().catch(() => {});
  });
  await bob.go('Profile');
  await bob.fill('Name', 'Robert');
  await bob.press('Save');
  const busy = page.getByRole('button', { name: 'One moment…' });
  await busy.click({ force: true });
  await busy.press('Enter');
  await bob.told('Your profile is saved.');
  assert(sent === 1, `the form was sent ${sent} times`);
  await bob.open('/security');
  await bob.reads('One moment…');
  await bob.reads('Account made');
  ok('a slow network is waited for: the page says so, and a form is sent once');
  bob.isBroken = false;
  await page.unrouteAll({ behavior: 'ignoreErrors' });

  // The keyboard alone.
  await bob.open('/profile', 'Profile');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  const focused = await page.evaluate(() => document.activeElement?.tagName);
  assert(focused === 'H1', `the way past the menu leads to ${focused}`);
  await page.goto(`${origin}/console/nowhere`);
  await bob.at('Page not found');
  ok('the keyboard has a way past the menu; an address without a page says so');
  close();
}

await play(async (start, visit) => {
  const { origin, service, close } = await startBoth(start);
  const [ada, other] = [await visit(origin), await visit(origin)];
  await register(ada);
  await verify(ada);
  await picture(ada);
  await sessions(ada, other);
  await longList(ada, service);
  await refusedAtFirst(ada);
  await passwords(ada, other);
  await move(ada);
  await end(ada);
  for (const visitor of [ada, other]) {
    visitor.assertClean();
    await visitor.context.close();
  }
  close();
  await tokens(start, visit);
  await network(start, visit);
  ok('no error on the console, no violation of the policy, no foreign request, nothing that documents.json lacks');
}, 150_000);
