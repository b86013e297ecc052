// Counts at the door of a service what goes in: passes bytes on and looks for words in them. It costs so
// little that 200 requests at once come through a busy machine within the life of a token.

import { connect, createServer, type AddressInfo, type Server } from 'node:net';

import type { RunningService, Test } from './support.js';

export class Counter {
  readonly #server: Server;
  readonly #counts = new Map<string, number>();

  private constructor(service: RunningService, words: readonly string[]) {
    const longest = Math.max(...words.map(({ length }) => length));
    this.#server = createServer((socket) => {
      const upstream = connect(service.port, '127.0.0.1');
      let tail = '';
      socket.on('data', (chunk) => {
        const text = tail + chunk.toString('latin1');
        for (const word of words) {
          // What lies in the tail as a whole was counted before.
          const fresh = text.split(word).length - tail.split(word).length;
          this.#counts.set(word, this.count(word) + fresh);
        }
        tail = text.slice(-longest);
        upstream.write(chunk);
      });
      socket.on('end', () => upstream.end());
      upstream.on('data', (chunk) => socket.write(chunk));
      upstream.on('end', () => socket.end());
      for (const [one, other] of [[socket, upstream], [upstream, socket]] as const) {
        one.on('error', () => other.destroy());
        one.on('close', () => other.destroy());
      }
    });
  }

  /** Starts one that counts these words. */
  static async before(test: Test, service: RunningService, words: readonly string[]): Promise<Counter> {
    const counter = new Counter(service, words);
    await new Promise<void>((done) => counter.#server.listen(0, '127.0.0.1', done));
    test.onTestFinished(() => void counter.#server.close());
    return counter;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  count(word: string): number {
    return this.#counts.get(word) ?? 0;
  }

  reset(): void {
    this.#counts.clear();
  }
}
