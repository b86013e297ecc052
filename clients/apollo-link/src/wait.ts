// Waiting, with an end to it.

export function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

/**
 * What `work` brings, `ms` at most; its signal is aborted then. `AbortSignal.timeout` would do, but React
 * Native has none.
 */
export async function within<T>(ms: number, work: (signal: AbortSignal) => T | Promise<T>): Promise<T> {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, fail) => {
    timer = setTimeout(() => {
      const error = new Error(`no answer within ${ms} ms`);
      error.name = 'TimeoutError';
      controller.abort(error);
      fail(error);
    }, ms);
  });
  try {
    return await Promise.race([work(controller.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A promise that somebody else fulfils. */
export class Signal {
  readonly happened: Promise<void>;
  #raise!: () => void;

  constructor() {
    this.happened = new Promise((done) => (this.#raise = done));
  }

  raise(): void {
    this.#raise();
  }
}
