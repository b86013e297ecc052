// Tells the service that a session is over.

import { sleep, within } from '../wait.js';
import type { Credentials } from './credentials.js';
import type { Service } from './service.js';

/** Pauses between attempts, in milliseconds. */
const PAUSES = [250, 1_000];
/** How long one attempt may take, in milliseconds. */
const LONGEST_WAIT = 4_000;

/** Ends the session at the service: three attempts. Answers whether it has ended there. */
export async function tellService(service: Service, credentials: Credentials | null): Promise<boolean> {
  for (let tries = 0; ; tries += 1) {
    const isTold = await within(LONGEST_WAIT, (signal) => service.logout(credentials, signal)).catch(() => false);
    const pause = PAUSES[tries];
    if (isTold || pause === undefined) return isTold;
    await sleep(pause);
  }
}
