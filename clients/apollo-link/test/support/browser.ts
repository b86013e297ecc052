// Stand-ins for what browsers have and Node has not, or has in another way.

import type { ChannelLike, LockManagerLike, TokenStorage } from '../../src/index.js';

/** Web Locks: one holder for each name, the others in line. */
export class FakeLocks implements LockManagerLike {
  readonly #lines = new Map<string, Promise<unknown>>();
  readonly #held = new Set<string>();
  /** How often a lock was given. */
  granted = 0;

  async request<T>(
    name: string,
    { signal, ifAvailable }: { signal?: AbortSignal; ifAvailable?: boolean },
    work: (lock: unknown) => Promise<T>,
  ): Promise<T> {
    if (ifAvailable && (this.#held.has(name) || this.#lines.has(name))) return work(null);
    const before = this.#lines.get(name) ?? Promise.resolve();
    let free!: () => void;
    const line = before.then(() => new Promise<void>((done) => (free = done)));
    this.#lines.set(name, line);
    void line.then(() => this.#lines.get(name) === line && this.#lines.delete(name));
    await before;
    try {
      if (signal?.aborted) throw signal.reason;
      await Promise.race([
        Promise.resolve(),
        new Promise((_, fail) => signal?.addEventListener('abort', () => fail(signal.reason))),
      ]);
      this.#held.add(name);
      this.granted += 1;
      return await work({ name });
    } finally {
      this.#held.delete(name);
      await Promise.resolve();
      free();
    }
  }
}

/** A lock manager whose lock somebody else holds for good. */
export const heldLocks: LockManagerLike = {
  request: (_, { signal, ifAvailable }, work) =>
    ifAvailable
      ? work(null)
      : new Promise((_, fail) => signal?.addEventListener('abort', () => fail(signal.reason))),
};

/** Broadcast channels of one browser. What is said arrives later, as a copy, everywhere else. */
export class FakeChannels {
  readonly #open = new Map<string, Set<FakeChannel>>();
  /** Everything that was said. */
  readonly said: unknown[] = [];
  /** How long a message takes, in milliseconds. */
  delay = 1;

  readonly channel = (name: string): ChannelLike => {
    const members = this.#open.get(name) ?? new Set();
    this.#open.set(name, members);
    const channel: FakeChannel = { listeners: new Set() };
    members.add(channel);
    return {
      postMessage: (message) => {
        if (!members.has(channel)) throw new Error('the channel is closed');
        this.said.push(structuredClone(message));
        for (const other of members) if (other !== channel) this.#deliver(other, message);
      },
      addEventListener: (_, listener) => void channel.listeners.add(listener),
      close: () => void members.delete(channel),
    };
  };

  /** Says something to all, as a foreign script of the origin could. */
  forge(message: unknown): void {
    for (const members of this.#open.values()) for (const each of members) this.#deliver(each, message);
  }

  get names(): string[] {
    return [...this.#open.keys()];
  }

  #deliver(channel: FakeChannel, message: unknown): void {
    const data: unknown = structuredClone(message);
    setTimeout(() => channel.listeners.forEach((listener) => listener({ data })), this.delay);
  }
}

interface FakeChannel {
  readonly listeners: Set<(event: { data: unknown }) => void>;
}

/** A storage that takes its time, and fails when it is told to. */
export class FakeStorage implements TokenStorage {
  readonly items = new Map<string, string>();
  readonly calls: string[] = [];
  failing: Partial<Record<'getItem' | 'setItem' | 'removeItem', 'fails' | 'hangs'>> = {};
  delay = 1;

  async getItem(key: string): Promise<string | null> {
    await this.#call('getItem');
    return this.items.get(key) ?? null;
  }

  async setItem(key: string, value: string): Promise<void> {
    await this.#call('setItem');
    this.items.set(key, value);
  }

  async removeItem(key: string): Promise<void> {
    await this.#call('removeItem');
    this.items.delete(key);
  }

  async #call(name: 'getItem' | 'setItem' | 'removeItem'): Promise<void> {
    this.calls.push(name);
    if (this.failing[name] === 'hangs') await new Promise(() => {});
    await new Promise((done) => setTimeout(done, this.delay));
    if (this.failing[name] === 'fails') throw new Error(`no ${name}: vrt_secret`);
  }
}
