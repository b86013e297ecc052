// Listens to what happens to the person's sessions: the list follows, and the person is told.

import { useEffect } from 'react';
import { whenReconnected } from '../api/auth';
import { client } from '../api/client';
import { SessionEventsDocument, SessionsDocument, type SessionEventsSubscription } from '../gql/graphql';
import type { Texts } from '../i18n/en';
import { useTexts } from '../i18n/texts';
import { tell } from '../ui/toasts';
import { deviceName } from './device-name';

type News = SessionEventsSubscription['sessionEvents'];

/** Before a stream that was let go is begun again: a listener that was too slow is told so. */
const AGAIN = 3000;

function wordsFor(news: News, { sessions }: Texts): string {
  const said = sessions.news[news.type];
  const name = (news.session && deviceName(news.session)) ?? sessions.unknown;
  return typeof said === 'function' ? said(name) : said;
}

/** Sessions to which something is done by this page, which tells that itself. */
const own = new Set<string>();
const OWN_FOR = 5000;

export function expectNews(sessionId: string): void {
  own.add(sessionId);
  setTimeout(() => own.delete(sessionId), OWN_FOR);
}

/** A login of this page itself, for administration. */
let isLogin = false;

export function expectLogin(): void {
  isLogin = true;
  setTimeout(() => (isLogin = false), OWN_FOR);
}

/** What was done from this session to the others. */
const FROM = new Set<News['type']>(['OTHERS_REVOKED', 'PASSWORD_CHANGED', 'PASSWORD_CHANGED_OTHERS_REVOKED']);

const isOwn = ({ type, session: changed, sessionId }: News) =>
  FROM.has(type) ? (changed?.current ?? false) : own.has(sessionId) || (type === 'CREATED' && isLogin);

const renew = () => void client.refetchQueries({ include: [SessionsDocument] });

/** Calls the listener with all news until it is told to stop. */
function listen(hear: (news: News) => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stop = () => {};
  const again = () => {
    timer = setTimeout(() => {
      begin();
      renew();
    }, AGAIN);
  };
  const begin = () => {
    const news = client.subscribe({ query: SessionEventsDocument, fetchPolicy: 'no-cache' });
    const listening = news.subscribe({
      next: ({ data }) => {
        if (data) hear(data.sessionEvents);
      },
      error: again,
      complete: again,
    });
    stop = () => listening.unsubscribe();
  };
  begin();
  return () => {
    clearTimeout(timer);
    stop();
  };
}

export function SessionNews() {
  const texts = useTexts();
  useEffect(
    () =>
      listen((news) => {
        // Then the connection is closed, and the session with it.
        if (news.endsCurrentSession) return;
        renew();
        if (!isOwn(news)) tell(wordsFor(news, texts));
      }),
    [texts],
  );
  // What happened meanwhile was not told.
  useEffect(() => whenReconnected(() => void client.refetchQueries({ include: 'active' })), []);
  return null;
}
