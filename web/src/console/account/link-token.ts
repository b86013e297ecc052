// The token of a mail's link stands behind the `#` of the address. It is taken out at once: it shall be neither
// in the history nor in a screenshot of the window.

// The language stands there too, and is read first.
import '../i18n/settings';

const fragment = new URLSearchParams(location.hash.slice(1));

let token = fragment.get('token');

if (location.hash !== '') history.replaceState(null, '', location.pathname + location.search);
// Another link that is opened in the same tab changes the fragment only, which alone loads nothing.
addEventListener('hashchange', () => {
  if (location.hash.includes('token=')) location.reload();
});

/** The token of the link by which the page was opened. */
export const linkToken = (): string | null => token;

/** After it was used: it is worth nothing any more. */
export function dropLinkToken(): void {
  token = null;
}
