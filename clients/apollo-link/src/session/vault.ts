// Tokens in a storage of the application. It may be slow, and it may fail.

import { VestibuleError } from '../errors.js';
import type { Settings } from '../settings.js';
import { sleep, within } from '../wait.js';
import { parseCredentials, type Credentials } from './credentials.js';

/** How long a storage may take, in milliseconds. */
const LONGEST_CALL = 5_000;
/** A second try of a write that has failed, in milliseconds. */
const PAUSE = 100;

export class Vault {
  readonly #settings: Settings;
  /** Writes go one after the other: a late one must not undo the one after it. */
  #last: Promise<unknown> = Promise.resolve();
  /** What was last asked to be kept. */
  #latest: Credentials | null = null;
  /** What could not be kept. */
  #unwritten: Credentials | null = null;
  #isSettling = false;
  /** What was thrown last. */
  #problem: unknown;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** Whether there is a storage at all. */
  get isThere(): boolean {
    return this.#settings.storage !== null;
  }

  /** Whether the storage has what was last written. */
  get isTrue(): boolean {
    return this.#unwritten === null;
  }

  /**
   * What is kept; null if that is nothing, or nothing of ours.
   *
   * @throws VestibuleError if the storage fails.
   */
  async load(): Promise<Credentials | null> {
    const { storage, key, endpoint, mode } = this.#settings;
    if (!storage) return null;
    let text: unknown;
    try {
      text = await within(LONGEST_CALL, () => storage.getItem(key));
    } catch (error) {
      throw failure('the storage could not be read', error);
    }
    if (typeof text !== 'string') return null;
    try {
      const kept = JSON.parse(text) as Record<string, unknown> | null;
      return kept?.['endpoint'] === endpoint.href ? parseCredentials(kept['credentials'], mode) : null;
    } catch {
      return null;
    }
  }

  /**
   * Keeps credentials. Where that fails it is reported, and tried again by `settle`; nobody waits for a
   * storage that has failed before.
   */
  save(credentials: Credentials): Promise<void> {
    if (!this.isThere) return Promise.resolve();
    const isFailing = !this.isTrue;
    this.#latest = credentials;
    if (isFailing) {
      this.#unwritten = credentials;
      this.settle();
      return Promise.resolve();
    }
    return this.#write(async () => {
      if ((await this.#put(credentials)) || (await this.#putAgain(credentials))) return;
      this.#unwritten = credentials;
      // A refresh token that has been replaced must not be there at the next start: shown again, it would
      // look stolen.
      await this.#remove();
      const message = 'the tokens could not be kept, and are lost when this program ends';
      this.#settings.report(failure(message, this.#problem));
    });
  }

  /** Forgets what is kept. */
  clear(): Promise<void> {
    if (!this.isThere) return Promise.resolve();
    this.#latest = null;
    return this.#write(async () => {
      this.#unwritten = null;
      if (!(await this.#remove())) this.#settings.report(failure('the tokens could not be removed', this.#problem));
    });
  }

  /** Forgets these credentials, unless others were kept after them. */
  async retract(credentials: Credentials): Promise<void> {
    if (this.#latest === credentials) await this.clear();
  }

  /** What could not be written is not worth it any more. */
  yield(): void {
    this.#unwritten = null;
  }

  /** Tries to keep what could not be kept. Does not wait for it. */
  settle(): void {
    if (this.isTrue || this.#isSettling) return;
    this.#isSettling = true;
    void this.#write(async () => {
      const unwritten = this.#unwritten;
      if (unwritten && (await this.#put(unwritten)) && this.#unwritten === unwritten) this.#unwritten = null;
      this.#isSettling = false;
    });
  }

  #write(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work);
    this.#last = done;
    return done;
  }

  async #put(credentials: Credentials): Promise<boolean> {
    const { storage, key, endpoint } = this.#settings;
    const text = JSON.stringify({ endpoint: endpoint.href, credentials });
    return this.#call(() => storage!.setItem(key, text));
  }

  async #putAgain(credentials: Credentials): Promise<boolean> {
    // What has hung once would hang again.
    if (this.#problem instanceof Error && this.#problem.name === 'TimeoutError') return false;
    await sleep(PAUSE);
    return this.#put(credentials);
  }

  #remove(): Promise<boolean> {
    const { storage, key } = this.#settings;
    return this.#call(() => storage!.removeItem(key));
  }

  async #call(work: () => unknown): Promise<boolean> {
    try {
      await within(LONGEST_CALL, work);
      return true;
    } catch (error) {
      this.#problem = error;
      return false;
    }
  }
}

/** Only the name of what was thrown is told: its message may have what was to be stored. */
function failure(message: string, error: unknown): VestibuleError {
  const name = error instanceof Error ? ` (${error.name})` : '';
  return new VestibuleError('STORAGE_FAILED', `${message}${name}`);
}
