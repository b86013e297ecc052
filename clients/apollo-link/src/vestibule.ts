// Puts the parts together.

import { ApolloLink } from '@apollo/client/link';
import { BaseHttpLink } from '@apollo/client/link/http';
import { throwError } from 'rxjs';

import type { Vestibule, VestibuleOptions } from './api.js';
import { VestibuleError } from './errors.js';
import { attemptsLink, publicLink } from './link/attempts.js';
import { isPublic, isSubscription } from './link/operations.js';
import { Session } from './session/session.js';
import { settingsOf, type Settings } from './settings.js';
import { Sockets } from './sockets/sockets.js';

/**
 * The session of one person with one service. A page has one for each endpoint; a server makes one for each
 * request, since two people must never share it.
 *
 * @throws TypeError for options that do not fit together.
 *
 * @example
 * ```ts
 * const auth = createVestibule({ endpoint: '/graphql', mode: 'cookie' });
 * const client = new ApolloClient({ link: auth.link, cache: new InMemoryCache() });
 * auth.onSessionEnd(() => client.clearStore());
 * ```
 */
export function createVestibule(options: VestibuleOptions): Vestibule {
  const settings = settingsOf(options);
  const session = new Session(settings);
  const sockets = settings.subscriptions ? new Sockets(session, settings) : null;
  const { states } = session.holder;
  const revisit = ({ persisted }: PageTransitionEvent) => void (persisted && session.revisit());
  const page = typeof document === 'undefined' ? null : globalThis;
  page?.addEventListener?.('pageshow', revisit);
  return {
    link: linkOf(session, settings, sockets),
    getState: () => states.now,
    subscribe: (listener) => states.listen(listener),
    states: states.observable,
    onSessionEnd: (listener) => states.listenToEnds(listener),
    restore: () => session.restore(),
    signIn: (payload) => session.signIn(payload),
    signOut: () => session.signOut(),
    accessToken: () => session.accessToken(),
    dispose() {
      page?.removeEventListener?.('pageshow', revisit);
      sockets?.close();
      session.dispose();
    },
  };
}

function linkOf(session: Session, settings: Settings, sockets: Sockets | null): ApolloLink {
  const http = (fetch: typeof globalThis.fetch) =>
    new BaseHttpLink({ ...settings.http, uri: settings.endpoint.href, fetch });
  const none = new ApolloLink(() =>
    throwError(() => new VestibuleError('NO_SUBSCRIPTIONS', 'subscriptions need the option "subscriptions"')),
  );
  return ApolloLink.split(
    isSubscription,
    sockets?.link ?? none,
    ApolloLink.split(
      isPublic,
      publicLink(session).concat(http(session.plainFetch)),
      attemptsLink(session).concat(http(session.fetch)),
    ),
  );
}
