// Opens every page of the console, light, dark and 320 pixels wide, in English and French: axe finds no violation,
// nothing is wider than the window, nothing jumps while a page loads. Pictures of all are kept to be looked at:
//
//   VESTIBULE_BIN=../target/debug/vestibule node e2e/console-pages.mjs
//
// Settings and bounds: console-browser.mjs. Starts a service of its own. Prints an "ok" line per check. Exit code
// 0: all passed, 1: something did not.

import { assert, note, ok, sleep } from './checks.mjs';
import { pagesChecked, play, startBoth } from './console-browser.mjs';
import { png } from './pictures.mjs';

const PASSWORD = 'purple engine waltz';
const WIDE = { width: 1100, height: 800 };
const NARROW = { width: 320, height: 640 };

/** Addresses, headings, and whether the page needs a login. */
const GUESTS = [
  ['login', '/login', 'Log in', 'Se connecter'],
  ['register', '/register', 'Make an account', 'Créer un compte'],
  ['forgotten-password', '/forgotten-password', 'Forgotten password', 'Mot de passe oublié'],
  ['reset-password-incomplete', '/reset-password', 'Choose a new password', 'Choisir un nouveau mot de passe'],
  ['reset-password', '/reset-password#token=vot_none', 'Choose a new password', 'Choisir un nouveau mot de passe'],
  [
    'verify-email-link',
    '/verify-email#token=vot_none',
    'Confirm your e-mail address',
    'Confirmer votre adresse e-mail',
  ],
  [
    'confirm-email-change',
    '/confirm-email-change#token=vot_none',
    'Confirm your new e-mail address',
    'Confirmer votre nouvelle adresse e-mail',
  ],
  [
    'undo-email-change',
    '/undo-email-change#token=vot_none',
    'Undo the change of your e-mail address',
    'Annuler le changement d’adresse e-mail',
  ],
  [
    'deleted',
    '/deleted?due=2026-12-24T18:00:00.000Z',
    'Your account is going to be deleted',
    'Votre compte va être supprimé',
  ],
];
const OWN = [
  ['verify-email', '/verify-email', 'Confirm your e-mail address', 'Confirmer votre adresse e-mail'],
  ['profile', '/profile', 'Profile', 'Profil'],
  ['email', '/email', 'E-mail address', 'Adresse e-mail'],
  ['password', '/password', 'Password', 'Mot de passe'],
  ['sessions', '/sessions', 'Sessions', 'Sessions'],
  ['security', '/security', 'Security events', 'Événements de sécurité'],
  ['data', '/data', 'Your data', 'Vos données'],
  ['not-found', '/nowhere', 'Page not found', 'Page introuvable'],
  ['admin-entry', '/admin', 'Administration', 'Administration'],
];
const ADMIN = [
  ['admin-users', 'Users', 'Utilisateurs'],
  ['admin-roles', 'Roles', 'Rôles'],
  ['admin-audit', 'Audit log', 'Journal d’audit'],
  ['admin-tokens', 'Service tokens', 'Jetons de service'],
];

/** As it is now, in every form. */
async function everyForm(visitor, name) {
  const { page } = visitor;
  await page.emulateMedia({ colorScheme: 'light' });
  await visitor.assertAccessible(`${name}, light`);
  await visitor.picture(`${name}-light`);
  await page.emulateMedia({ colorScheme: 'dark' });
  await visitor.assertAccessible(`${name}, dark`);
  await visitor.picture(`${name}-dark`);
  await page.setViewportSize(NARROW);
  await page.emulateMedia({ colorScheme: 'light' });
  await visitor.assertFits(name);
  await visitor.assertAccessible(`${name}, narrow`);
  await visitor.picture(`${name}-320`);
  await page.setViewportSize(WIDE);
}

async function look(visitor, pages) {
  for (const [name, path, heading] of pages) {
    // Another fragment alone loads nothing.
    await visitor.page.goto('about:blank');
    await visitor.open(path, heading);
    await sleep(150);
    await everyForm(visitor, name);
    visitor.assertClean();
  }
}

async function narrow(visitor, pages) {
  await visitor.page.setViewportSize(NARROW);
  for (const [name, path, heading] of pages) {
    await visitor.page.goto('about:blank');
    await visitor.open(path, heading);
    await visitor.assertFits(name);
  }
  await visitor.page.setViewportSize(WIDE);
}

async function french(visitor, pages) {
  for (const [name, path, , heading] of pages) {
    await visitor.page.goto('about:blank');
    await visitor.open(path, heading);
    await visitor.assertAccessible(`${name}, in French`);
    await visitor.picture(`${name}-fr`);
  }
}

await play(async (start, visit) => {
  const { origin, service, close } = await startBoth(start);
  const guest = await visit(origin, { viewport: WIDE });
  const ada = await visit(origin, { viewport: WIDE });
  const email = 'ada@example.com';
  await ada.register({ name: 'Ada Lovelace', email, password: PASSWORD });
  for (const device of ['phone', 'tablet', null]) await service.login({ email, password: PASSWORD }, device);
  await service.command('users', 'set-role', email, 'admin');
  await sleep(1200);
  // Two at a time: much of it is waiting.
  await Promise.all([look(guest, GUESTS), look(ada, OWN)]);
  ok(`${GUESTS.length} pages of guests and ${OWN.length} of a person, light, dark and narrow`);
  await Promise.all([narrow(guest, GUESTS), narrow(ada, OWN)]);
  ok('none of them jumps while it loads in a narrow window');

  await ada.open('/profile', 'Profile');
  await ada.page
    .locator('input[type=file]')
    .setInputFiles({ name: 'me.png', mimeType: 'image/png', buffer: png(200, 200) });
  await ada.press('Use this picture');
  await ada.told('Your picture is saved.');
  await ada.picture('profile-picture');
  await ada.page.setViewportSize(NARROW);
  await ada.press('Menu');
  await ada.assertAccessible('the menu');
  await ada.picture('menu-320');
  await ada.page.setViewportSize(WIDE);

  await ada.go('Administration');
  await ada.fill('Password', PASSWORD);
  await ada.press('Open administration');
  await ada.at('Users');
  for (const [name, heading] of ADMIN) {
    if (heading !== 'Users') await ada.go(heading);
    await sleep(300);
    await everyForm(ada, name);
    ada.assertClean();
  }
  await ada.go('Users');
  await ada.page.getByRole('link', { name: 'Ada Lovelace' }).click();
  await ada.at('Ada Lovelace');
  await sleep(300);
  await everyForm(ada, 'admin-user');
  ok(`${ADMIN.length + 1} pages of administration, light, dark and narrow`);

  await ada.page.getByLabel('Language').selectOption('fr');
  for (const [name, , heading] of ADMIN) {
    await ada.go(heading);
    await sleep(200);
    await ada.assertAccessible(`${name}, in French`);
    await ada.picture(`${name}-fr`);
  }
  await guest.open('/login', 'Log in');
  await guest.page.getByLabel('Language').selectOption('fr');
  await Promise.all([french(guest, GUESTS), french(ada, OWN)]);
  const lang = await guest.page.evaluate(() => document.documentElement.lang);
  assert(lang === 'fr', `the language of the page is ${lang}`);
  ok('all of them in French');

  for (const visitor of [guest, ada]) {
    visitor.assertClean();
    await visitor.context.close();
  }
  note(`axe has looked ${pagesChecked()} times`);
  ok('no error on the console, no violation of the policy, no foreign request');
  close();
}, 180_000);
