// Replaces tokens: once for all who wait, in this tab and in the others.

import type { EndReason, TokenMode } from '../api.js';
import { VestibuleError } from '../errors.js';
import type { Credentials } from './credentials.js';
import { exchange } from './exchange.js';
import type { Holder } from './holder.js';
import { Denied, type ServiceError } from './refusal.js';
import type { Service } from './service.js';
import type { Tabs } from './tabs.js';
import type { Vault } from './vault.js';

/**
 * How long the news of another tab may take after its lock is free, in milliseconds. It is there at once, but
 * for a page that has much to do.
 */
const NEWS = 1_000;
/** A token that was read longer ago than this may have been replaced by another tab: a page can be put to sleep. */
const FRESH_READ = 2_000;

interface Parts {
  readonly mode: TokenMode;
  readonly holder: Holder;
  readonly tabs: Tabs;
  readonly vault: Vault;
  readonly service: Service;
  /** Ends the session of this epoch, here and in all tabs. */
  readonly end: (reason: EndReason, epoch: number) => void;
}

export class Refresher {
  readonly #parts: Parts;
  #running: Promise<void> | null = null;
  /** What the service has refused, and until when there is no sense in asking again. */
  #refused: { readonly until: number; readonly errors: readonly ServiceError[] } | null = null;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get isRunning(): boolean {
    return this.#running !== null;
  }

  /**
   * Comes when there are new tokens. All who call meanwhile wait for the same.
   *
   * @throws {@link Denied} when the session is over, or the service refuses for now.
   * @throws VestibuleError `REFRESH_FAILED`, `COOKIES_TAKEN`: the session stays.
   */
  run(): Promise<void> {
    if (!this.#running) {
      this.#running = this.#renew().finally(() => {
        this.#running = null;
        this.#parts.holder.isRefreshing = false;
      });
      this.#parts.holder.isRefreshing = true;
    }
    return this.#running;
  }

  /** Waits until what runs has come to its end. */
  async settle(): Promise<void> {
    await this.#running?.catch(() => {});
  }

  /** Takes what another tab has signed in with, from the storage. */
  async begin(): Promise<void> {
    this.#parts.vault.yield();
    await this.#read();
  }

  /** Takes what another tab has written to the storage since, if somebody is signed in. */
  async catchUp(): Promise<void> {
    if (this.#parts.holder.held) await this.#read();
  }

  async #read(): Promise<void> {
    const { holder, vault } = this.#parts;
    if (!vault.isThere || !vault.isTrue) return;
    const { epoch } = holder;
    let kept: Credentials | null;
    try {
      kept = await vault.load();
    } catch {
      return; // What is in memory is the best that is known.
    }
    if (holder.epoch !== epoch || !vault.isTrue) return;
    if (!kept) void holder.finish('MISSING');
    else if (!holder.held || kept.sessionId !== holder.held.sessionId || holder.isNewer(kept)) holder.take(kept);
  }

  async #renew(): Promise<void> {
    const { holder, tabs, vault } = this.#parts;
    const { generation, epoch, held } = holder;
    if (this.#refused && Date.now() < this.#refused.until) throw new Denied(this.#refused.errors);
    this.#refused = null;
    if (this.#parts.mode === 'bearer' && held && held.refreshToken === null) this.#over('SESSION_EXPIRED', epoch);
    const wasServed = () => holder.generation !== generation && !holder.isDue;
    await tabs.alone(async (hasWaited) => {
      if (hasWaited && tabs.canHear && !vault.isThere && !wasServed()) await holder.nextChange(NEWS);
      await this.catchUp();
      if (!wasServed()) await this.#exchange(wasServed);
    });
    if (holder.epoch !== epoch && !holder.held) throw Denied.over(holder.lastEnd);
  }

  async #exchange(wasServed: () => boolean): Promise<void> {
    const { holder, service } = this.#parts;
    const { epoch, generation } = holder;
    let sent: string | null = null;
    const outcome = await exchange(
      async (signal) => {
        sent = await this.#tokenToSend();
        if (holder.epoch !== epoch) throw new VestibuleError('SESSION_CHANGED', 'the session has ended');
        return service.refresh(sent, signal);
      },
      () => holder.epoch === epoch && !wasServed(),
    );
    if (!outcome || holder.epoch !== epoch) return;
    switch (outcome.kind) {
      case 'renewed':
        // Another tab may have been first, where there are no locks: what lasts longest is the newest.
        if (holder.generation === generation || holder.isNewer(outcome.credentials)) {
          await this.#keep(outcome.credentials, epoch);
        }
        return;
      case 'over':
        if (await this.#wasReplaced(sent)) return;
        return this.#over(outcome.reason, epoch);
      case 'refused':
        if (outcome.retryAfter !== null) {
          this.#refused = { until: Date.now() + outcome.retryAfter * 1000, errors: outcome.errors };
        }
        throw new Denied(outcome.errors);
      case 'failed':
        if (outcome.cause instanceof VestibuleError) throw outcome.cause;
        throw new VestibuleError('REFRESH_FAILED', 'no new tokens could be had; the session stays', {
          cause: outcome.cause,
        });
    }
  }

  /** The refresh token that is current, read directly before it is sent. */
  async #tokenToSend(): Promise<string | null> {
    for (let tries = 0; ; tries += 1) {
      const begin = Date.now();
      await this.catchUp();
      if (Date.now() - begin < FRESH_READ || tries === 2) return this.#parts.holder.held?.refreshToken ?? null;
    }
  }

  /** Keeps new credentials before anybody uses them, and tells the other tabs. */
  async #keep(credentials: Credentials, epoch: number): Promise<void> {
    const { holder, tabs, vault } = this.#parts;
    await vault.save(credentials);
    // Signed out, or in anew, while it was written.
    if (holder.epoch !== epoch) return vault.retract(credentials);
    holder.take(credentials);
    tabs.tell({ type: 'renewed', credentials: vault.isThere ? null : holder.held });
  }

  /** Whether the storage has another session than the one that was refused. */
  async #wasReplaced(sent: string | null): Promise<boolean> {
    await this.catchUp();
    const { held } = this.#parts.holder;
    return this.#parts.vault.isThere && held !== null && held.refreshToken !== sent;
  }

  #over(reason: EndReason, epoch: number): never {
    this.#parts.end(reason, epoch);
    throw Denied.over(reason);
  }
}
