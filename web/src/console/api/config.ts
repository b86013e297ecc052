// What the service has besides the account pages.

import { createStore } from './store';

export interface Config {
  /** Where administration is; null where it has a listener of its own. */
  adminEndpoint: string | null;
  playground: boolean;
  /** Whether mails are shown at /dev/mail, rather than sent. */
  mailbox: boolean;
}

export const config = createStore<Config | null>(null);

const NOTHING: Config = { adminEndpoint: null, playground: false, mailbox: false };

export async function loadConfig(): Promise<void> {
  try {
    const answer = await fetch('/console/config.json');
    config.set(answer.ok ? { ...NOTHING, ...(await answer.json()) } : NOTHING);
  } catch {
    // Nothing but links depends on it: they come with the next try.
    config.set(NOTHING);
    addEventListener('online', () => void loadConfig(), { once: true });
  }
}
