// Cookie mode: who is there? No script can see it, so the service is asked.

import type { EndReason } from '../api.js';
import { VestibuleError } from '../errors.js';
import { within } from '../wait.js';
import type { Credentials } from './credentials.js';
import type { Holder } from './holder.js';
import { Denied, endOf } from './refusal.js';
import type { Refresher } from './refresher.js';
import type { Service, WhoAmI } from './service.js';

/** How long the service may take, in milliseconds. */
const LONGEST_WAIT = 15_000;

const NO_TOKENS = {
  accessToken: null,
  refreshToken: null,
  expiresAt: null,
  lifetime: null,
  sessionId: null,
  userId: null,
} satisfies Credentials;

export class Inquiry {
  readonly #holder: Holder;
  readonly #service: Service;
  readonly #refresher: Refresher;

  constructor(holder: Holder, service: Service, refresher: Refresher) {
    this.#holder = holder;
    this.#service = service;
    this.#refresher = refresher;
  }

  /**
   * Finds out who is signed in when the page starts.
   *
   * @throws VestibuleError if nobody says.
   */
  async begin(): Promise<void> {
    const answer = await this.#ask();
    if (!answer || this.#holder.held) return;
    switch (answer.kind) {
      case 'nobody':
        return this.#holder.nobody();
      case 'somebody':
        return this.#holder.take({ ...NO_TOKENS, userId: answer.userId });
      case 'failed':
        throw failure('the service does not say who is signed in', answer.cause);
      case 'refused':
        if (answer.reason === 'MISSING' || endOf(answer.reason)) return this.#holder.nobody();
        return this.#refresh();
    }
  }

  /** Looks again, for a page that the browser had put away: it may not have heard what other tabs have said. */
  async again(end: (reason: EndReason) => void): Promise<void> {
    const answer = await this.#ask();
    if (!answer || !this.#holder.held) return;
    if (answer.kind === 'nobody') end('MISSING');
    if (answer.kind === 'somebody' && answer.userId !== this.#holder.held.userId) {
      this.#holder.take({ ...NO_TOKENS, userId: answer.userId });
    }
    if (answer.kind !== 'refused') return;
    const reason = answer.reason === 'MISSING' ? answer.reason : endOf(answer.reason);
    if (reason) end(reason);
    else await this.#refresher.run().catch(() => {});
  }

  /** The answer, unless somebody has signed in or out meanwhile. */
  async #ask(): Promise<WhoAmI | null> {
    const { epoch } = this.#holder;
    const answer = await within(LONGEST_WAIT, (signal) => this.#service.whoAmI(signal)).catch(
      (cause: unknown): WhoAmI => ({ kind: 'failed', cause }),
    );
    return this.#holder.epoch === epoch ? answer : null;
  }

  async #refresh(): Promise<void> {
    try {
      await this.#refresher.run();
    } catch (error) {
      if (!(error instanceof Denied)) throw error;
      if (this.#holder.states.now.status !== 'unknown') return;
      throw failure('the service refuses new tokens for now', error);
    }
  }
}

function failure(message: string, cause: unknown): VestibuleError {
  return new VestibuleError('REFRESH_FAILED', message, { cause });
}
