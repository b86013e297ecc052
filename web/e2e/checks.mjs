// What the scripts beside this file share: lines of output, and bounds.

let checks = 0;

/** Prints that a check has passed. */
export function ok(what) {
  checks += 1;
  console.log(`ok ${checks} - ${what}`);
}

/** Prints a figure. */
export function note(what) {
  console.log(`# ${what}`);
}

export function assert(condition, what) {
  if (!condition) throw new Error(what);
}

/** No token belongs into a log. */
export function redact(text, most = 2000) {
  return text.replace(/[A-Za-z0-9_-]{40,}/g, '[redacted]').slice(0, most);
}

export function sleep(ms) {
  return new Promise((done) => setTimeout(done, ms));
}

/** The first value of `probe` that is something, asked for again and again; `ms` at most. */
export async function until(what, probe, ms = 20_000, pause = 50) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() >= end) throw new Error(`${what}: not within ${ms} ms`);
    await sleep(pause);
  }
}

/** What the promise brings, `ms` at most. */
export async function within(what, promise, ms = 20_000) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
