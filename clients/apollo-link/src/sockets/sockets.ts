// The sockets of a session. There is one, and for a while another one: a socket lives on when its token has
// expired, but takes no new operations then; these go over a new one.

import { ApolloLink } from '@apollo/client/link';
import { print } from '@apollo/client/utilities';
import { Observable } from 'rxjs';

import { documents } from '../documents.js';
import type { Session } from '../session/session.js';
import type { Settings } from '../settings.js';
import { SocketOperation, type Payload } from './operation.js';
import { Socket } from './socket.js';

/** Before the events are listened to again that have failed: doubled each time, in milliseconds. */
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 60_000;

export class Sockets {
  readonly link: ApolloLink;
  readonly #session: Session;
  readonly #settings: Settings;
  readonly #url: URL;
  #current: Socket | null = null;
  readonly #all = new Set<Socket>();
  #listening: { readonly epoch: number; readonly stop: () => void } | null = null;
  #isClosed = false;

  constructor(session: Session, settings: Settings) {
    this.#session = session;
    this.#settings = settings;
    this.#url = urlOf(settings);
    this.link = new ApolloLink(({ query, variables, operationName, extensions }) =>
      this.#results({ query: print(query), variables, operationName: operationName ?? null, extensions }),
    );
    session.holder.states.listen(() => this.#follow());
  }

  close(): void {
    this.#isClosed = true;
    this.#listening?.stop();
    for (const socket of this.#all) socket.end();
    this.#all.clear();
  }

  /** What an operation brings. */
  #results(payload: Payload): Observable<ApolloLink.Result> {
    return new Observable((observer) => {
      const operation = new SocketOperation(this.#session, (isAnew) => this.#open(isAnew), payload, observer);
      void operation.run();
      return () => operation.stop();
    });
  }

  /** A socket that takes operations. */
  #open(isAnew: boolean): Socket {
    const { epoch } = this.#session.holder;
    const current = this.#current;
    if (current && !isAnew && current.epoch === epoch && !current.isStale) return current;
    // Operations of the one before go on there; graphql-ws closes it after the last.
    for (const socket of this.#all) if (socket.operations.size === 0) this.#all.delete(socket);
    this.#current = new Socket(this.#session, this.#settings, this.#url);
    this.#all.add(this.#current);
    return this.#current;
  }

  /** Sockets are those of one session; while somebody is signed in, its events are listened to. */
  #follow(): void {
    const { epoch, held } = this.#session.holder;
    if (this.#listening && (this.#listening.epoch !== epoch || !held)) {
      this.#listening.stop();
      this.#listening = null;
    }
    for (const socket of this.#all) {
      if (socket.epoch === epoch) continue;
      this.#all.delete(socket);
      if (this.#current === socket) this.#current = null;
      socket.end();
    }
    if (held && !this.#listening && !this.#isClosed && this.#settings.subscriptions?.sessionEvents !== false) {
      this.#listening = { epoch, stop: this.#listen(epoch) };
    }
  }

  /** Listens to what happens to the session of this epoch, until it ends. */
  #listen(epoch: number): () => void {
    let stop = () => {};
    let pause = FIRST_PAUSE;
    const begin = () => {
      const began = Date.now();
      // What ends the session for good has ended it already; all else passes.
      const again = () => {
        pause = Date.now() - began > LONGEST_PAUSE ? FIRST_PAUSE : Math.min(pause * 2, LONGEST_PAUSE);
        const timer = setTimeout(begin, pause);
        stop = () => clearTimeout(timer);
      };
      const listening = this.#results({ query: documents.sessionEvents }).subscribe({
        next: ({ data }) => {
          const event = data?.['sessionEvents'] as { endsCurrentSession?: unknown } | null | undefined;
          if (event?.endsCurrentSession === true) this.#session.end('SESSION_REVOKED', epoch);
        },
        error: again,
        complete: again,
      });
      stop = () => listening.unsubscribe();
    };
    begin();
    return () => stop();
  }
}

/** Where the sockets are: at the origin of the endpoint. */
function urlOf({ endpoint, subscriptions }: Settings): URL {
  const url = new URL(subscriptions?.url ?? `${endpoint.pathname.replace(/\/$/, '')}/ws`, endpoint);
  url.protocol = url.protocol === 'https:' || url.protocol === 'wss:' ? 'wss:' : 'ws:';
  const isOfEndpoint = url.host === endpoint.host && (url.protocol === 'wss:') === (endpoint.protocol === 'https:');
  if (!isOfEndpoint || url.username || url.password) {
    throw new TypeError('the sockets must be at the origin of the endpoint');
  }
  url.hash = '';
  return url;
}
