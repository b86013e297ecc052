// The cookies of one request, for a server that renders a page for it.

import type { CookieJar } from './api.js';

/** Those of the service. Nothing else of the request is any business of it. */
const NAMES: ReadonlySet<string> = new Set(
  ['access', 'refresh', 'device'].flatMap((name) => [`__Host-vestibule_${name}`, `vestibule_${name}`]),
);

/** What may be the value of a cookie (RFC 6265 §4.1.1). */
const VALUE = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/;

/**
 * Makes the jar of one request from its `Cookie` header. It forwards the cookies of the service, and only
 * those, and collects what the service sets.
 *
 * One jar and one `createVestibule` for each request: a jar that several people share gives one the session
 * of the other.
 */
export function createCookieJar(cookieHeader: string | null | undefined): CookieJar {
  const cookies = new Map<string, string>();
  const setCookies = new Map<string, string>();
  let isTaken = false;
  for (const pair of (cookieHeader ?? '').split(';')) put(cookies, pair);
  return {
    header() {
      if (cookies.size === 0) return null;
      return [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    },
    store(lines) {
      for (const line of lines) {
        const [pair = '', ...attributes] = line.split(';');
        // A line break would begin another header, in the answer to the browser.
        const name = /[\r\n]/.test(line) ? null : put(cookies, pair);
        if (name === null) continue;
        setCookies.set(name, line);
        if (attributes.some((attribute) => /^\s*max-age\s*=\s*(0|-\d+)\s*$/i.test(attribute))) cookies.delete(name);
      }
    },
    takeSetCookies() {
      isTaken = true;
      return [...setCookies.values()];
    },
    get isTaken() {
      return isTaken;
    },
  };
}

/** Puts `name=value` in, if it is a cookie of the service; answers its name. */
function put(cookies: Map<string, string>, pair: string): string | null {
  const at = pair.indexOf('=');
  const name = pair.slice(0, at).trim();
  const value = pair.slice(at + 1).trim();
  if (at < 0 || !NAMES.has(name) || !VALUE.test(value)) return null;
  cookies.set(name, value);
  return name;
}
