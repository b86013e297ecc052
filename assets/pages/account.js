// The pages that the links in mails open: /account/verify-email, /account/reset-password,
// /account/confirm-email-change and /account/undo-email-change. Scanners of mails open links too, hence
// nothing is sent before a person presses a button.

const TYPING_PAUSE = 400;
const PATIENCE = 30_000;

const OPERATIONS = {
  'verify-email': 'mutation($input: VerifyEmailInput!) { verifyEmail(input: $input) { success } }',
  'reset-password': 'mutation($input: ResetPasswordInput!) { resetPassword(input: $input) { success } }',
  'confirm-email-change':
    'mutation($input: ConfirmEmailChangeInput!) { confirmEmailChange(input: $input) { success } }',
  'undo-email-change':
    'mutation($input: UndoEmailChangeInput!) { undoEmailChange(input: $input) { success } }',
};
const STRENGTH =
  'query($input: PasswordStrengthInput!) { passwordStrength(input: $input) { score acceptable warning suggestions } }';

// The spaces of French punctuation are written as escapes, since nobody sees which one it is otherwise.
const TEXTS = {
  en: {
    'verify-email': {
      title: 'Confirm your e-mail address',
      text: 'Press the button to confirm that this e-mail address is yours.',
      button: 'Confirm the address',
      done: 'Your e-mail address is confirmed. You can close this page.',
    },
    'reset-password': {
      title: 'Choose a new password',
      text: 'All your devices will be logged out.',
      button: 'Change the password',
      done: 'Your password is changed, and all your devices are logged out. Log in to the application with the new password.',
    },
    'confirm-email-change': {
      title: 'Confirm your new e-mail address',
      text: 'Press the button to use this e-mail address for your account, in place of the old one.',
      button: 'Use this address',
      done: 'Your account uses the new e-mail address now. You can close this page.',
    },
    'undo-email-change': {
      title: 'Undo the change of your e-mail address',
      text: 'If you did not ask for this change, press the button: your account gets its old address back, and all your devices are logged out.',
      button: 'Bring the old address back',
      done: 'The old e-mail address is back, and all your devices are logged out. The password does not work any more, since somebody else knew it: we have sent you a link to choose a new one.',
      invalid: 'This link was used already or has expired. If you did not change the address, please write to the support of the application.',
    },
    incomplete: 'This link is incomplete. Please open it again from the e-mail, or copy all of it.',
    invalid: 'This link was used already or has expired. Please ask for a new one in the application.',
    taken: 'This e-mail address now belongs to another account.',
    later: 'The service cannot be reached or is busy. Please try again in a moment.',
    failed: 'This did not work. Please try again later.',
    working: 'One moment…',
    password: 'New password',
    repeat: 'Repeat the new password',
    reveal: 'Show the password',
    empty: 'Please enter a new password.',
    mismatch: 'The two passwords are not the same.',
    scores: ['very weak', 'weak', 'fair', 'good', 'very good'],
    strength: 'Password strength: {label}.',
    refused: 'This password will not be accepted.',
    faults: {
      TOO_SHORT: 'The password is too short. It needs at least {limit} characters.',
      TOO_LONG: 'The password is too long. It can have at most {limit} characters.',
      TOO_WEAK: 'The password is too easy to guess. Please choose another one.',
      BREACHED: 'The password is in a list of stolen passwords. Please choose another one.',
    },
  },
  fr: {
    'verify-email': {
      title: 'Confirmer votre adresse e-mail',
      text: 'Appuyez sur le bouton pour confirmer que cette adresse e-mail est bien la vôtre.',
      button: 'Confirmer l’adresse',
      done: 'Votre adresse e-mail est confirmée. Vous pouvez fermer cette page.',
    },
    'reset-password': {
      title: 'Choisir un nouveau mot de passe',
      text: 'Tous vos appareils seront déconnectés.',
      button: 'Changer le mot de passe',
      done: 'Votre mot de passe a été changé et tous vos appareils sont déconnectés. Connectez-vous à l’application avec le nouveau mot de passe.',
    },
    'confirm-email-change': {
      title: 'Confirmer votre nouvelle adresse e-mail',
      text: 'Appuyez sur le bouton pour que votre compte utilise cette adresse e-mail à la place de l’ancienne.',
      button: 'Utiliser cette adresse',
      done: 'Votre compte utilise maintenant la nouvelle adresse e-mail. Vous pouvez fermer cette page.',
    },
    'undo-email-change': {
      title: 'Annuler le changement d’adresse e-mail',
      text: 'Si vous n’avez pas demandé ce changement, appuyez sur le bouton\u00a0: votre compte retrouvera son ancienne adresse et tous vos appareils seront déconnectés.',
      button: 'Rétablir l’ancienne adresse',
      done: 'L’ancienne adresse e-mail est rétablie et tous vos appareils sont déconnectés. Le mot de passe ne fonctionne plus, puisque quelqu’un d’autre le connaissait\u00a0: nous vous avons envoyé un lien pour en choisir un nouveau.',
      invalid: 'Ce lien a déjà été utilisé ou a expiré. Si vous n’avez pas changé d’adresse, veuillez écrire à l’assistance de l’application.',
    },
    incomplete: 'Ce lien est incomplet. Veuillez l’ouvrir à nouveau depuis l’e-mail ou le copier en entier.',
    invalid: 'Ce lien a déjà été utilisé ou a expiré. Veuillez en demander un nouveau dans l’application.',
    taken: 'Cette adresse e-mail appartient désormais à un autre compte.',
    later: 'Le service est injoignable ou surchargé. Veuillez réessayer dans un instant.',
    failed: 'L’opération a échoué. Veuillez réessayer plus tard.',
    working: 'Un instant…',
    password: 'Nouveau mot de passe',
    repeat: 'Répéter le nouveau mot de passe',
    reveal: 'Afficher le mot de passe',
    empty: 'Veuillez saisir un nouveau mot de passe.',
    mismatch: 'Les deux mots de passe ne sont pas identiques.',
    scores: ['très faible', 'faible', 'moyenne', 'bonne', 'très bonne'],
    strength: 'Robustesse du mot de passe\u00a0: {label}.',
    refused: 'Ce mot de passe ne sera pas accepté.',
    faults: {
      TOO_SHORT: 'Le mot de passe est trop court. Il lui faut au moins {limit}\u00a0caractères.',
      TOO_LONG: 'Le mot de passe est trop long. Il peut avoir au plus {limit}\u00a0caractères.',
      TOO_WEAK: 'Le mot de passe est trop facile à deviner. Veuillez en choisir un autre.',
      BREACHED: 'Le mot de passe figure dans une liste de mots de passe volés. Veuillez en choisir un autre.',
    },
  },
};

const name = location.pathname.split('/').filter(Boolean).pop();
const fragment = new URLSearchParams(location.hash.slice(1));
const token = fragment.get('token');
// The token shall be neither in the history nor in a screenshot of the window.
history.replaceState(null, '', location.pathname + location.search);
// Another link opened in the same tab changes the fragment only, which alone loads nothing.
addEventListener('hashchange', () => location.reload());

const wanted = [fragment.get('lang') ?? '', ...navigator.languages].map((tag) => tag.slice(0, 2).toLowerCase());
const lang = wanted.find((tag) => Object.hasOwn(TEXTS, tag)) ?? 'en';
const texts = TEXTS[lang];
const page = texts[name];

const main = document.getElementById('main');
const intro = element('p', { textContent: page.text });
const result = element('p', { id: 'result', tabIndex: -1 });
document.documentElement.lang = lang;
document.title = page.title;
main.replaceChildren(element('h1', { textContent: page.title }), result);
if (token) {
  result.before(intro);
  main.append(name === 'reset-password' ? passwordForm() : form([], () => ({})));
} else {
  show('alert', texts.incomplete);
}

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** Shows how it went, and moves there those who do not see it. */
function show(role, text) {
  result.setAttribute('role', role);
  result.textContent = text;
  result.focus();
}

/** A form whose input is what `read` gives, or that is not sent when it gives nothing. */
function form(fields, read) {
  const button = element('button', { textContent: page.button });
  const made = element('form', { noValidate: true }, ...fields, button);
  made.addEventListener('submit', async (event) => {
    event.preventDefault();
    result.textContent = '';
    const input = read();
    if (!input) return;
    Object.assign(button, { disabled: true, textContent: texts.working });
    try {
      const data = await ask(OPERATIONS[name], { token, ...input }, AbortSignal.timeout(PATIENCE));
      if (!Object.values(data)[0].success) throw new Refusal({});
      intro.remove();
      made.remove();
      show('status', page.done);
    } catch (error) {
      Object.assign(button, { disabled: false, textContent: page.button });
      const text = explain(error);
      if ([invalid(), texts.incomplete].includes(text)) {
        // Trying again cannot help.
        intro.remove();
        made.remove();
      }
      show('alert', text);
    }
  });
  return made;
}

function passwordForm() {
  // Fields have no names, so that no browser ever puts them into an address, and no spell checking, which
  // some browsers do on a server once the password is shown.
  const [first, second] = ['password', 'repeat'].map((id) =>
    element('input', { id, type: 'password', autocomplete: 'new-password', spellcheck: false, autocapitalize: 'none' }),
  );
  const label = (input) => element('label', { htmlFor: input.id, textContent: texts[input.id] });
  const reveal = element('input', { type: 'checkbox' });
  reveal.addEventListener('change', () => {
    for (const input of [first, second]) input.type = reveal.checked ? 'text' : 'password';
  });
  const choice = element('label', { className: 'choice' }, reveal, texts.reveal);
  return form([label(first), first, strengthOf(first), label(second), second, choice], () => {
    const fault = first.value === '' ? texts.empty : first.value === second.value ? null : texts.mismatch;
    first.setAttribute('aria-invalid', fault === texts.empty);
    second.setAttribute('aria-invalid', fault === texts.mismatch);
    if (fault) return show('alert', fault);
    return { newPassword: first.value };
  });
}

/** What the service thinks of the password, while it is typed. It is a help: its failures are not shown. */
function strengthOf(input) {
  const meter = element('meter', { min: 0, max: 4, low: 2, high: 3, optimum: 4 });
  meter.setAttribute('aria-hidden', 'true'); // the words say the same
  const words = element('p', {});
  words.setAttribute('aria-live', 'polite');
  const made = element('div', { className: 'strength', hidden: true }, meter, words);
  let timer;
  let running = new AbortController();
  const look = async (signal) => {
    try {
      const { passwordStrength: found } = await ask(STRENGTH, { password: input.value }, signal);
      if (signal.aborted) return;
      const sentences = [texts.strength.replace('{label}', texts.scores[found.score])];
      if (!found.acceptable) sentences.push(texts.refused);
      // The service's own words are English.
      if (lang === 'en') sentences.push(...[found.warning, ...found.suggestions].filter(Boolean));
      meter.value = found.score;
      words.textContent = sentences.join('\n');
      made.hidden = false;
    } catch {
      if (!signal.aborted) made.hidden = true;
    }
  };
  input.addEventListener('input', () => {
    clearTimeout(timer);
    running.abort();
    running = new AbortController();
    if (input.value === '') made.hidden = true;
    else timer = setTimeout(look, TYPING_PAUSE, running.signal);
  });
  return made;
}

/** An error that the service answered. */
class Refusal extends Error {
  constructor({ code, fields = [] }) {
    super(code);
    Object.assign(this, { code, fields });
  }
}

async function ask(query, input, signal) {
  const response = await fetch('/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({ query, variables: { input } }),
    credentials: 'omit', // the link says who it is, not a login of this browser
    cache: 'no-store',
    signal,
  });
  // The status is not looked at: errors have a body, and what has none is not from the service.
  const { data, errors } = await response.json();
  if (errors?.length > 0) throw new Refusal(errors[0].extensions ?? {});
  return data;
}

function invalid() {
  return page.invalid ?? texts.invalid;
}

function explain(error) {
  if (!(error instanceof Refusal)) return texts.later;
  switch (error.code) {
    case 'TOKEN_INVALID':
      return invalid();
    case 'EMAIL_TAKEN':
      return texts.taken;
    case 'RATE_LIMITED':
    case 'OVERLOADED':
    case 'SERVICE_UNAVAILABLE':
      return texts.later;
    case 'BAD_USER_INPUT':
      if (error.fields.some(({ field }) => field.endsWith('token'))) return texts.incomplete;
      return error.fields.map(faultText).join(' ') || texts.failed;
    default:
      return texts.failed;
  }
}

function faultText({ code, message, limit }) {
  return texts.faults[code]?.replace('{limit}', limit) ?? message;
}
