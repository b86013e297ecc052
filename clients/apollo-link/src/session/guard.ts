// The one way to the service: here credentials are attached, and nothing goes anywhere else.

import { VestibuleError } from '../errors.js';
import type { Settings } from '../settings.js';
import type { ServiceClock } from './clock.js';

type Fetch = typeof globalThis.fetch;

/**
 * A `fetch` for requests to the origin of the endpoint, and to no other. `accessToken` is asked as the
 * request is sent; so no link and no context ever holds a token.
 */
export function guardedFetch(settings: Settings, clock: ServiceClock, accessToken: () => string | null): Fetch {
  const { endpoint, mode, cookies } = settings;
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input, endpoint);
    if (url.origin !== endpoint.origin || url.username || url.password) {
      throw new VestibuleError('ORIGIN_REFUSED', `a request to ${url.origin}, which is not the origin of the endpoint`);
    }
    const headers = new Headers(init?.headers);
    for (const [name, value] of Object.entries(settings.headers)) headers.set(name, value);
    const token = accessToken();
    if (token !== null) headers.set('authorization', `Bearer ${token}`);
    const cookie = cookies?.header();
    if (cookie) headers.set('cookie', cookie);
    const answer = await settings.fetch(url.href, {
      ...init,
      headers,
      credentials: mode === 'cookie' ? 'include' : 'omit',
      // A redirect could lead to another origin. The service has none.
      redirect: 'error',
    });
    clock.note(answer.headers.get('date'));
    cookies?.store(answer.headers.getSetCookie());
    return answer;
  };
}
