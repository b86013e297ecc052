// The session of one client: what happens to it, in which order.

import type { AuthState, EndReason, SignInPayload } from '../api.js';
import { VestibuleError } from '../errors.js';
import type { Settings } from '../settings.js';
import { areOfOneSession, credentialsOf, type Credentials } from './credentials.js';
import { guardedFetch } from './guard.js';
import { Holder, type Grant } from './holder.js';
import { Inquiry } from './inquiry.js';
import { tellService } from './leaving.js';
import { Others } from './others.js';
import { Denied } from './refusal.js';
import { Refresher } from './refresher.js';
import { Service } from './service.js';
import { Tabs } from './tabs.js';
import { Vault } from './vault.js';

/** How long other tabs have to say that they are signed in, in milliseconds. */
const HELLO = 100;
/** How often an operation waits for new tokens before it is sent with those that are there. */
const ROUNDS = 3;

export class Session {
  readonly holder = new Holder();
  /** For operations: attaches the access token of the moment. */
  readonly fetch: typeof globalThis.fetch;
  /** For operations that need no session. */
  readonly plainFetch: typeof globalThis.fetch;
  readonly #settings: Settings;
  readonly #service: Service;
  readonly #tabs: Tabs;
  readonly #vault: Vault;
  readonly #refresher: Refresher;
  readonly #inquiry: Inquiry;
  readonly #others: Others;
  /** Whether it was looked for a session that was there before. */
  #isLoaded: boolean;
  #loading: Promise<void> | null = null;
  #restoring: Promise<void> | null = null;
  /** A sign-in or sign-out that goes on; operations wait for it. */
  #turning: Promise<unknown> = Promise.resolve();
  /** Cookie mode: the service could not be told of a sign-out, and the browser still has the cookies. */
  #isLeaving = false;
  #isDisposed = false;

  constructor(settings: Settings) {
    this.#settings = settings;
    const { holder } = this;
    this.fetch = guardedFetch(settings, holder.clock, () => holder.held?.accessToken ?? null);
    this.plainFetch = guardedFetch(settings, holder.clock, () => null);
    this.#service = new Service(settings, holder.clock);
    this.#vault = new Vault(settings);
    this.#tabs = new Tabs(settings, (message) => this.#others.hear(message));
    this.#refresher = new Refresher({
      mode: settings.mode,
      holder,
      tabs: this.#tabs,
      vault: this.#vault,
      service: this.#service,
      end: (reason, epoch) => this.end(reason, epoch),
    });
    this.#inquiry = new Inquiry(holder, this.#service, this.#refresher);
    this.#others = new Others({
      mode: settings.mode,
      holder,
      vault: this.#vault,
      refresher: this.#refresher,
      tell: (message) => this.#tabs.tell(message),
      turn: (work) => void this.#turn(work),
      setLeaving: (isLeaving) => (this.#isLeaving = isLeaving),
      setLoaded: () => (this.#isLoaded = true),
    });
    this.#isLoaded = settings.mode === 'cookie';
  }

  get mode(): Settings['mode'] {
    return this.#settings.mode;
  }

  /**
   * Comes when an operation may be sent.
   *
   * @throws {@link Denied} when the service lets nothing through.
   * @throws VestibuleError when nobody knows.
   */
  async ready(): Promise<Grant> {
    this.#assertAlive();
    await this.#settle();
    this.#vault.settle();
    const { holder } = this;
    const { isSignedIn } = holder.grant;
    for (let round = 0; round < ROUNDS && (this.#refresher.isRunning || this.#isDue); round += 1) {
      try {
        await this.#refresher.run();
      } catch (error) {
        // Ahead of the expiry there is no harm in it yet; and what began without a session goes on without.
        if (holder.isUsable || !isSignedIn) break;
        throw error;
      }
    }
    return holder.grant;
  }

  /** Comes when an operation may be sent again that was refused with `grant`; throws as `ready` does. */
  async renew(grant: Grant): Promise<Grant> {
    if (grant.generation === this.holder.generation) await this.#refresher.run();
    const next = await this.ready();
    this.assertSame(grant);
    return next;
  }

  /**
   * What was meant for one session is not done in another one.
   *
   * @throws {@link Denied} or VestibuleError `SESSION_CHANGED` if it is not the session of `grant` any more.
   */
  assertSame(grant: Grant): void {
    if (!grant.isSignedIn || grant.epoch === this.holder.epoch) return;
    if (!this.holder.held) throw Denied.over(this.holder.lastEnd);
    throw new VestibuleError('SESSION_CHANGED', 'another session has begun meanwhile');
  }

  /** Ends the session of this epoch, here and in all tabs; any other stays. */
  end(reason: EndReason, epoch: number): void {
    if (epoch !== this.holder.epoch) return;
    if (this.holder.held) void this.#finish(reason);
    else this.holder.nobody();
  }

  async restore(): Promise<AuthState> {
    this.#assertAlive();
    await this.#settle();
    const { states } = this.holder;
    if (states.now.status === 'unknown') {
      this.#restoring ??= this.#inquiry.begin().finally(() => (this.#restoring = null));
      await this.#restoring;
    }
    return states.now;
  }

  /** Looks again: a page that was put away may not have heard what has happened. */
  async revisit(): Promise<void> {
    const { epoch } = this.holder;
    if (this.#isDisposed) return;
    if (this.mode === 'bearer') await this.#refresher.catchUp();
    else if (this.holder.held) await this.#inquiry.again((reason) => this.end(reason, epoch));
  }

  async signIn(payload: SignInPayload): Promise<boolean> {
    this.#assertAlive();
    const { holder } = this;
    const credentials = credentialsOf(payload, this.mode, holder.clock.now());
    if (!credentials) return false;
    this.#isLoaded = true;
    this.#isLeaving = false;
    const cleared = holder.finish('REPLACED');
    const epoch = holder.turn();
    return this.#turn(async () => {
      await cleared;
      if (holder.epoch === epoch) await this.#vault.save(credentials);
      if (holder.epoch !== epoch) return false;
      holder.take(credentials);
      this.#tabs.tell({ type: 'signedIn', credentials: this.#told() });
      return true;
    });
  }

  async signOut(): Promise<boolean> {
    if (!this.#isLoaded) await this.#load().catch(() => {});
    const { holder } = this;
    const { held } = holder;
    if (this.mode === 'bearer' && !held) {
      holder.nobody();
      await this.#vault.clear();
      return true;
    }
    const cleared = held ? this.#finish('SIGNED_OUT') : undefined;
    holder.nobody();
    if (this.mode === 'cookie') this.#isLeaving = true;
    return this.#turn(async () => {
      const isTold = await this.#leave(held);
      await cleared;
      return isTold;
    });
  }

  async accessToken(): Promise<string | null> {
    await this.ready();
    return this.holder.held?.accessToken ?? null;
  }

  /**
   * Comes when a login may be sent. A sign-out that the service could not be told of must not reach it after
   * the login, with the new cookies. Answers whether there still is one: then `resumeLeaving` is to be
   * called if nobody has been logged in.
   */
  async suspendLeaving(): Promise<boolean> {
    await this.#turning;
    if (!this.#isLeaving) return false;
    const isTold = await this.#turn(() => this.#leave(null));
    this.#isLeaving = false;
    return !isTold;
  }

  resumeLeaving(): void {
    if (!this.holder.held) this.#isLeaving = true;
  }

  dispose(): void {
    this.#isDisposed = true;
    this.#tabs.close();
    this.holder.states.close();
  }

  /** In cookie mode a refresh is always possible; else it takes a refresh token. */
  get #isDue(): boolean {
    return this.holder.isDue && (this.mode === 'cookie' || this.holder.held?.refreshToken != null);
  }

  #assertAlive(): void {
    if (this.#isDisposed) throw new VestibuleError('DISPOSED', 'dispose() was called');
  }

  /** Waits for what has to be over before anything is sent. */
  async #settle(): Promise<void> {
    await this.#load();
    await this.#turning;
    if (!this.#isLeaving) return;
    if (!(await this.#turn(() => this.#leave(null)))) {
      throw new VestibuleError('SIGN_OUT_PENDING', 'the service could not be told of the sign-out yet');
    }
  }

  /** One after the other. */
  #turn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turning.then(work);
    this.#turning = done.catch(() => {});
    return done;
  }

  async #load(): Promise<void> {
    if (this.#isLoaded) return;
    this.#loading ??= this.#find().finally(() => (this.#loading = null));
    await this.#loading;
  }

  async #find(): Promise<void> {
    const { holder } = this;
    if (this.#vault.isThere) {
      const kept = await this.#vault.load();
      if (kept && !this.#isLoaded) holder.take(kept);
    } else if (this.#tabs.canHear) {
      this.#others.ask();
      await holder.nextChange(HELLO);
    }
    this.#isLoaded = true;
    holder.nobody();
  }

  /** Ends what is held, and tells the tabs; comes when listeners and storage have forgotten it. */
  async #finish(reason: EndReason): Promise<void> {
    const held = this.holder.held!;
    const cleared = this.holder.finish(reason);
    this.#tabs.tell({ type: 'signedOut', sessionId: held.sessionId, reason, isPending: false });
    await Promise.all([cleared, this.#forget(held)]);
  }

  /** Removes a session from the storage, but not one that another tab has begun meanwhile. */
  async #forget(ended: Credentials): Promise<void> {
    if (!this.#vault.isThere) return;
    const { epoch } = this.holder;
    const kept = await this.#vault.load().catch(() => null);
    if (this.holder.epoch !== epoch) return;
    if (kept && !areOfOneSession(kept, ended)) this.holder.take(kept);
    else await this.#vault.clear();
  }

  /** Tells the service; in cookie mode while no tab refreshes, which would set cookies anew. */
  async #leave(held: Credentials | null): Promise<boolean> {
    if (this.mode === 'bearer') return tellService(this.#service, held);
    if (!this.#isLeaving) return true;
    await this.#refresher.settle();
    const isTold = await this.#tabs.alone(() => tellService(this.#service, null));
    if (isTold) this.#isLeaving = false;
    const sessionId = held?.sessionId ?? null;
    if (!isTold) this.#tabs.tell({ type: 'signedOut', sessionId, reason: 'SIGNED_OUT', isPending: true });
    return isTold;
  }

  /** What other tabs are told: nothing of what they can read in the storage. */
  #told(): Credentials | null {
    return this.#vault.isThere ? null : this.holder.held;
  }
}
