// The tabs of one origin: one at a time, and what they tell each other.

import type { ChannelLike, LockManagerLike } from '../api.js';
import type { Settings } from '../settings.js';
import { parseMessage, type Envelope, type Message } from './messages.js';

/**
 * How long to wait for another tab that refreshes, in milliseconds: less than the 10 s in which the service
 * still takes a token that was just replaced, should that tab have got stuck half-way.
 */
const LONGEST_WAIT = 7_000;

export class Tabs {
  readonly #locks: LockManagerLike | null = null;
  #channel: ChannelLike | null = null;
  readonly #envelope: Envelope;
  readonly #lock: string;

  constructor(settings: Settings, listener: (message: Message & { from: string }) => void) {
    const { endpoint, mode, tabs } = settings;
    const name = `vestibule:${mode}:${endpoint.href}`;
    this.#lock = `${name}:refresh`;
    this.#envelope = { vestibule: 1, endpoint: endpoint.href, mode, from: newId() };
    if (!tabs) return;
    this.#locks = tabs.locks === undefined ? ownLocks() : tabs.locks;
    const open = tabs.channel === undefined ? ownChannel() : tabs.channel;
    this.#channel = open ? open(name) : null;
    this.#channel?.addEventListener('message', ({ data }) => {
      const message = parseMessage(data, this.#envelope);
      if (message) listener(message);
    });
    // Node would stay alive for a channel.
    (this.#channel as { unref?: () => void } | null)?.unref?.();
  }

  /** Whether others can be heard. */
  get canHear(): boolean {
    return this.#channel !== null;
  }

  tell(message: Message): void {
    this.#channel?.postMessage({ ...message, ...this.#envelope });
  }

  /**
   * Runs `work` while no other tab runs its own; `hasWaited` says whether another one did just before. Where
   * there are no locks, and where the other one takes too long, it runs all the same: the service gives
   * the same tokens to all who come with one refresh token within 10 s.
   */
  async alone<T>(work: (hasWaited: boolean) => Promise<T>): Promise<T> {
    const locks = this.#locks;
    if (!locks) return work(false);
    let run: Promise<T> | null = null;
    const begin = (hasWaited: boolean) => (run = work(hasWaited));
    const patience = new AbortController();
    try {
      const isFree = await locks.request(this.#lock, { ifAvailable: true }, async (lock) => {
        if (lock) await begin(false);
        return Boolean(lock);
      });
      if (!isFree) {
        const timer = setTimeout(() => patience.abort(), LONGEST_WAIT);
        const waited = async () => {
          clearTimeout(timer);
          await begin(true);
        };
        await locks.request(this.#lock, { signal: patience.signal }, waited).finally(() => clearTimeout(timer));
      }
    } catch (error) {
      // Either the work has failed, or there was no lock to be had: browsers refuse them to some pages.
      if (run) throw error;
    }
    return run ?? work(true);
  }

  close(): void {
    this.#channel?.close();
    // What is closed may not be spoken to.
    this.#channel = null;
  }
}

function ownLocks(): LockManagerLike | null {
  if (typeof navigator === 'undefined') return null;
  return (navigator as { locks?: LockManagerLike }).locks ?? null;
}

function ownChannel(): ((name: string) => ChannelLike) | null {
  return typeof BroadcastChannel === 'function' ? (name) => new BroadcastChannel(name) : null;
}

/** Tells instances apart. It need not be hard to guess, and `crypto.randomUUID` is not in every page. */
function newId(): string {
  const part = () => Math.random().toString(36).slice(2);
  return `${Date.now().toString(36)}-${part()}${part()}`;
}
