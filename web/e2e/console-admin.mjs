// Administers by the console: the second login, users by every condition and page, one user, roles, service tokens,
// the audit log. Access tokens live 2 seconds, so that those of administration are refreshed all the time:
//
//   VESTIBULE_BIN=../target/debug/vestibule node e2e/console-admin.mjs
//
// Settings and bounds: console-browser.mjs. Starts a service of its own. Prints an "ok" line per check. Exit code
// 0: all passed, 1: something did not.

import { assert, ok, sleep, until } from './checks.mjs';
import { TIMEOUT, play, startBoth } from './console-browser.mjs';

const PASSWORD = 'purple engine waltz';
const MANY = 60;
const LOGIN = 'mutation ($input: LoginInput!) { login(input: $input) { session { id } } }';

async function people(service) {
  const all = [];
  for (let at = 0; at < MANY; at += 10) {
    const ten = Array.from({ length: 10 }, (_, one) => String(at + one).padStart(2, '0'));
    all.push(
      ...(await Promise.all(ten.map((id) => service.register({ email: `user${id}@example.com`, name: `User ${id}` })))),
    );
  }
  return all;
}

const names = (page) => page.locator('.items h2 a').allTextContents();

async function enter(root, service) {
  const { page } = root;
  const { context } = root;
  const bearers = new Set();
  context.on('requestfinished', async (request) => {
    const header = await request.allHeaders().catch(() => ({}));
    if (header.authorization) bearers.add(new URL(request.url()).pathname);
    if (header.authorization && header.cookie) root.violations.push('a request has a token and cookies');
  });
  await root.go('Administration');
  await root.fill('Password', 'not my password');
  await root.press('Open administration');
  await root.reads('This is not your password.');
  await root.picture('admin-entry');
  await root.assertAccessible('the entry of administration');
  await root.fill('Password', PASSWORD);
  await root.press('Open administration');
  await root.at('Users');
  await root.reads(`${MANY + 1} users`);
  const kept = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
  assert(!/vrt_|eyJ/.test(kept), 'a token is in the storage of the page');
  await until('requests with a bearer token', () => bearers.has('/admin/graphql'), TIMEOUT);
  const listed = await countSessions(service);
  assert(listed === 2, `there are ${listed} sessions, not that of the cookies and that of administration`);
  ok('administration asks for the password, and has a login of its own that is in no storage');
}

/** How many sessions there are, but for that of the question. */
async function countSessions(service) {
  const { token } = await service.login({ email: 'root@example.com', password: PASSWORD });
  const { me } = await service.ask('{ me { sessions { totalCount } } }', { token });
  await service.ask('mutation { logout { success } }', { token });
  return me.sessions.totalCount - 1;
}

async function lists(root) {
  const { page } = root;
  const seen = [await names(page)];
  for (let at = 0; at < 2; at += 1) {
    await page.getByRole('link', { name: 'Next page' }).click();
    await until('another page', async () => (await names(page))[0] !== seen.at(-1)[0], TIMEOUT);
    seen.push(await names(page));
  }
  const all = seen.flat();
  assert(all.length === MANY + 1 && new Set(all).size === all.length, `the pages have ${all.length} users`);
  assert((await page.getByRole('link', { name: 'Next page' }).count()) === 0, 'there is a page after the last');
  await page.getByRole('link', { name: 'Previous page' }).click();
  await until('the page before', async () => (await names(page))[0] === seen[1][0], TIMEOUT);
  // A reload ends the login of administration; the place is still in the address.
  await page.reload();
  await root.at('Administration');
  await root.fill('Password', PASSWORD);
  await root.press('Open administration');
  await root.at('Users');
  await until('the same page after a reload', async () => (await names(page))[0] === seen[1][0], TIMEOUT);
  await page.goBack();
  await until('the way back', async () => (await names(page))[0] === seen[2][0], TIMEOUT);
  ok('users are listed page by page, both ways, and the address keeps the place');

  await page.getByLabel('Show').selectOption('email');
  await page.getByLabel('E-mail address begins with').fill('USER1');
  await root.press('Apply');
  await root.reads('10 users');
  assert((await names(page))[0] === 'User 10', `the first is ${(await names(page))[0]}`);
  await page.getByLabel('Show').selectOption('role');
  await page.getByLabel('Value').selectOption('admin');
  await root.press('Apply');
  await root.reads('1 user');
  await page.getByLabel('Show').selectOption('all');
  await page.getByLabel('Order').selectOption('NAME');
  await page.getByLabel('Direction').selectOption('DESC');
  await root.press('Apply');
  await until('the last name first', async () => (await names(page))[0] === 'User 59', TIMEOUT);
  await root.assertAccessible('users');
  await root.picture('admin-users');
  ok('users are found by the beginning of an address and by a role, and put in another order');
}

async function oneUser(root, service, person) {
  const { page } = root;
  await page.getByRole('link', { name: 'User 59' }).click();
  await root.at('User 59');
  await root.press('Suspend');
  const dialog = page.getByRole('dialog');
  await root.press('Suspend', dialog);
  await dialog.getByText('Please fill this in.').waitFor();
  await dialog.getByLabel('Reason').fill('spam');
  await root.assertAccessible('the dialog of a suspension');
  await root.press('Suspend', dialog);
  await root.told('The account is suspended.');
  await root.reads('Suspended for ever. Reason: spam');
  await root.reads('Account suspended');
  const { password } = person;
  const email = 'user59@example.com';
  const { errors } = await service.answer(LOGIN, { variables: { input: { email, password } } });
  assert(errors?.[0].extensions.code === 'ACCOUNT_SUSPENDED', 'the person is still let in');
  await root.picture('admin-user');
  await root.assertAccessible('a user');
  await root.press('Restore');
  await root.told('The account is restored.');
  ok('a user is suspended, with a reason, and restored');

  await page.getByLabel('JSON object').fill('[1]');
  await root.press('Save the data');
  await root.reads('This does not have the right form.');
  await page.getByLabel('JSON object').fill('{ "plan": "gold" }');
  await root.press('Save the data');
  await root.told('The data are saved.');
  await root.press('End all sessions');
  await root.press('End all sessions', dialog);
  await root.told('All sessions are ended.');
  await root.press('Force a new password');
  await root.press('Force a new password', dialog);
  await root.told('A mail with the way to a new password is on its way.');
  await root.press('Delete');
  await root.press('Delete', dialog);
  await root.told('The account is going to be erased.');
  await root.reads(/^Is erased on/);
  ok('the data of applications, sessions, password and account of a user are looked after');
}

async function roles(root) {
  const { page } = root;
  await root.go('Roles');
  await root.press('Make a role');
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('Support');
  await root.press('Save the role', dialog);
  await dialog.locator('.fault').first().waitFor();
  await dialog.getByLabel('Name').fill('support');
  await dialog.getByLabel('users:read').check();
  await root.press('Save the role', dialog);
  await root.told('The role is saved.');
  await root.reads('users:read');
  await root.press('Change the role support');
  await dialog.getByLabel('audit:read').check();
  await root.assertAccessible('the dialog of a role');
  await root.picture('admin-role-dialog', { fullPage: false });
  await root.press('Save the role', dialog);
  await root.reads('users:read, audit:read');
  await root.picture('admin-roles');
  await root.assertAccessible('roles');

  await root.go('Users');
  await page.getByLabel('Show').selectOption('name');
  await page.getByLabel('Name begins with').fill('user 00');
  await root.press('Apply');
  await root.reads('1 user');
  await page.getByRole('link', { name: 'User 00' }).click();
  await root.at('User 00');
  await page.getByLabel('support').check();
  await root.press('Save the roles');
  await root.told('The roles are saved.');
  await root.go('Roles');
  await root.press('Remove the role support');
  await root.press('Remove', dialog);
  await root.told('The role is removed.');
  ok('a role is made, changed, given and removed');
}

async function tokens(root) {
  const { page } = root;
  await root.go('Service tokens');
  await root.reads('There is nothing that fits.');
  await root.press('Make a token');
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('What it is for').fill('billing');
  await dialog.getByLabel('users:read').check();
  await root.press('Make the token', dialog);
  await root.reads('The token is made. Copy it now: it is not shown again.');
  const secret = await page.locator('.secret').textContent();
  assert(/^vst_/.test(secret), 'the secret is not shown');
  const answer = await fetch(`${root.origin}/admin/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${secret}` },
    body: JSON.stringify({ query: '{ viewer { permissions } }' }),
  });
  const { data } = await answer.json();
  assert(data.viewer.permissions.join() === 'users:read', `the token allows ${data.viewer.permissions}`);
  await root.assertAccessible('a new service token');
  await root.press('I have kept it');
  assert(!(await page.content()).includes(secret), 'the secret is still on the page');
  await root.picture('admin-tokens');
  await root.press('Revoke the token billing');
  await root.press('Revoke', dialog);
  await root.told('The token is revoked.');
  await root.reads('Revoked');
  ok('a service token is made, shown once, works, and is revoked');
}

async function audit(root) {
  const { page } = root;
  await root.go('Audit log');
  await root.reads('Service token revoked');
  await page.getByText('Details').first().click();
  await root.assertAccessible('the audit log');
  await root.picture('admin-audit');
  await page.getByLabel('Show').selectOption('type');
  await page.getByLabel('Type', { exact: true }).selectOption('USER_SUSPENDED');
  await root.press('Apply');
  await until('one event', async () => (await page.locator('.items .event').count()) === 1, TIMEOUT);
  await page.getByLabel('Show').selectOption('all');
  await root.press('Apply');
  await until('a page of events', async () => (await page.locator('.items .event').count()) === 25, TIMEOUT);
  await page.getByRole('link', { name: 'Next page' }).click();
  await page.getByRole('link', { name: 'First page' }).waitFor();
  ok('the audit log is read by type and page by page');
}

async function invite(root) {
  const { page } = root;
  await root.go('Users');
  await root.press('Invite a person');
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('Zoe');
  await dialog.getByLabel('E-mail address').fill('zoe@example.com');
  await root.press('Send the invitation', dialog);
  await root.at('Zoe');
  const { link } = await root.mail('zoe@example.com', '');
  assert(link?.includes('#token='), `the invitation leads to ${link}`);
  ok('a person is invited by mail');
}

async function stepUp(root) {
  const { page } = root;
  await root.refuse('SaveRole', { code: 'REAUTHENTICATION_REQUIRED' });
  await root.go('Roles');
  await root.press('Make a role');
  await page.getByRole('dialog').getByLabel('Name').fill('readers');
  await root.press('Save the role', page.getByRole('dialog'));
  const again = page.getByRole('dialog', { name: 'Enter your password' });
  await again.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await root.press('Go on', again);
  await root.told('The role is saved.');
  ok('where administration wants the password again, it is shown in its own session');
}

async function leaving(root, service) {
  await root.open('/profile', 'Profile');
  await root.go('Administration');
  await root.fill('Password', PASSWORD);
  await root.press('Open administration');
  await root.at('Users');
  await root.go('Profile');
  await until('the session of administration ends', async () => (await countSessions(service)) === 1, TIMEOUT);
  await root.go('Administration');
  await root.fill('Password', PASSWORD);
  await root.press('Open administration');
  await root.at('Users');
  await root.press('Log out');
  await root.at('Log in');
  ok('whoever leaves administration ends its session');
}

/** A service whose administration has a listener of its own. */
async function elsewhere(root) {
  const answer = { adminEndpoint: null, playground: false, mailbox: false };
  await root.page.route('**/console/config.json', (route) => route.fulfill({ json: answer }));
  await root.open('/admin', 'Administration');
  await root.reads('Administration is not available at this address. It has a listener of its own.');
  await root.page.unrouteAll();
  ok('where administration has a listener of its own the page says so');
}

await play(async (start, visit) => {
  const { origin, service, close } = await startBoth(start, { ACCESS_TOKEN_TTL: '2s' });
  const all = await people(service);
  const root = await visit(origin);
  await root.register({ name: 'Root', email: 'root@example.com', password: PASSWORD });
  await service.command('users', 'set-role', 'root@example.com', 'admin');
  await sleep(1200);
  await root.open('/profile', 'Profile');
  await enter(root, service);
  await lists(root);
  await oneUser(root, service, all[59]);
  await roles(root);
  await tokens(root);
  await audit(root);
  await invite(root);
  await stepUp(root);
  await elsewhere(root);
  await leaving(root, service);
  root.assertClean();
  ok('no error on the console, no violation of the policy, no foreign request');
  await root.context.close();
  close();
}, 110_000);
