// The options, looked at once.

import type { SubscriptionOptions, TabOptions, TokenMode, TokenStorage, VestibuleOptions, CookieJar } from './api.js';
import type { VestibuleError } from './errors.js';

/** What the options come to. */
export interface Settings {
  readonly endpoint: URL;
  readonly mode: TokenMode;
  /** What the endpoint is called in a storage. */
  readonly key: string;
  readonly storage: TokenStorage | null;
  readonly cookies: CookieJar | null;
  readonly subscriptions: SubscriptionOptions | null;
  readonly tabs: TabOptions | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly http: NonNullable<VestibuleOptions['http']>;
  readonly fetch: typeof globalThis.fetch;
  readonly report: (error: VestibuleError) => void;
}

/** What only the package sets. */
const OWN_HEADERS = new Set(['authorization', 'cookie']);

/**
 * What the options come to.
 *
 * @throws TypeError for options that do not fit together.
 */
export function settingsOf(options: VestibuleOptions): Settings {
  const { mode, storage = null, cookies = null, subscriptions = null, headers = {} } = options;
  if (mode !== 'cookie' && mode !== 'bearer') throw new TypeError('mode must be "cookie" or "bearer"');
  if (storage && mode === 'cookie') throw new TypeError('a storage is for bearer mode: browsers keep cookies');
  if (cookies && mode === 'bearer') throw new TypeError('a cookie jar is for cookie mode');
  for (const name of Object.keys(headers)) {
    if (OWN_HEADERS.has(name.toLowerCase())) throw new TypeError(`headers must not have ${name}`);
  }
  const endpoint = endpointOf(options.endpoint);
  const tabs = options.tabs ?? typeof document !== 'undefined';
  return {
    endpoint,
    mode,
    key: keyOf(endpoint),
    storage,
    cookies,
    subscriptions,
    tabs: tabs === true ? {} : tabs === false ? null : tabs,
    headers,
    http: options.http ?? {},
    // Called as a method of something else, the global one fails in browsers.
    fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
    report: (error) => {
      try {
        options.onError?.(error);
      } catch {
        // What a listener throws is none of our business, and must not end a session.
      }
    },
  };
}

function endpointOf(given: string | URL): URL {
  let endpoint: URL;
  try {
    endpoint = new URL(given, typeof document === 'undefined' ? undefined : document.baseURI);
  } catch {
    throw new TypeError('endpoint must be a URL; outside a page, an absolute one');
  }
  if (endpoint.protocol !== 'https:' && endpoint.protocol !== 'http:') {
    throw new TypeError('endpoint must be of https, or of http');
  }
  if (endpoint.username || endpoint.password) throw new TypeError('endpoint must have no user and no password');
  endpoint.hash = '';
  return endpoint;
}

/** One for each endpoint, of characters that every storage takes. */
function keyOf({ href }: URL): string {
  // FNV-1a: what is replaced below would make one key of two endpoints.
  let hash = 0x811c9dc5;
  for (const char of href) hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193);
  const readable = href.replace(/[^A-Za-z0-9.-]+/g, '_').slice(0, 80);
  return `vestibule_${readable}_${(hash >>> 0).toString(16).padStart(8, '0')}`;
}
