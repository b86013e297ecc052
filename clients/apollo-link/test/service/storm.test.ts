// Many operations at once against a real service whose access tokens live 2 s: how many refreshes come to
// it, and who fails.

import { describe, expect, test } from 'vitest';

import { Counter } from './counter.js';
import { Browser, expiry, register, sleep, startService, storm, until } from './support.js';

const MANY = 200;
/** What stands in the body of a refresh, and of the operation that is sent. */
const REFRESH = 'VestibuleRefresh';
const ME = '"operationName":"Me"';

/** For how long two tabs go on without a pause. */
const LONG = 3_000;

/** A token of the beginning of a second is replaced after this time at the earliest, in milliseconds. */
const LEAST_LIFE = 1_500;
/** How many refreshes there may be in this time: expiries are whole seconds, so a token may live for one only. */
const refreshesIn = (ms: number) => 1 + Math.floor(ms / 800);

// A machine that is busy with other things may take longer for 200 requests than such a token lives; then there
// are more refreshes, and still no failures.
describe.each(['cookie', 'bearer'] as const)('%s mode', { timeout: 40_000 }, (mode) => {
  const transport = mode === 'cookie' ? 'COOKIE' : 'BEARER';

  test(`${MANY} operations at once with a token that has expired: one refresh, and nobody fails`, async (context) => {
    const counter = await Counter.before(context, await startService(context), [REFRESH, ME]);
    const browser = new Browser(context);
    const endpoint = `${counter.url}/graphql`;

    const misled = browser.tab({ endpoint, mode, tabs: false });
    await register(misled, transport, { isMisled: true });
    await expiry();
    const refused = await storm([misled], MANY);
    expect(refused.failures).toEqual([]);
    expect(counter.count(REFRESH)).toBeLessThanOrEqual(refreshesIn(refused.took));
    // Each was refused once.
    if (refused.took < LEAST_LIFE) expect([counter.count(REFRESH), counter.count(ME)]).toEqual([1, 2 * MANY]);

    const [first, second] = [browser.tab({ endpoint, mode }), browser.tab({ endpoint, mode })];
    await register(first, transport);
    await until('the other tab is signed in', () => second.auth.getState().status === 'signedIn');

    await expiry();
    counter.reset();
    const held = await storm([first, second], MANY);
    expect(held.failures).toEqual([]);
    expect(counter.count(REFRESH)).toBeLessThanOrEqual(refreshesIn(held.took));
    // None was refused.
    if (held.took < LEAST_LIFE) expect([counter.count(REFRESH), counter.count(ME)]).toEqual([1, MANY]);
    console.log(`# ${mode}: ${MANY} at once took ${refused.took} ms with a refusal each, ${held.took} ms of two tabs without`);

    const begin = Date.now();
    counter.reset();
    let sent = 0;
    while (Date.now() - begin < LONG) {
      const { failures, count } = await storm([first, second], MANY);
      expect(failures).toEqual([]);
      sent += count;
      await sleep(200);
    }
    const took = Date.now() - begin;
    const refreshes = counter.count(REFRESH);
    console.log(`# ${mode}: ${sent} operations of two tabs in ${took} ms, ${refreshes} refreshes, no failure`);
    expect(refreshes).toBeGreaterThanOrEqual(1);
    expect(refreshes).toBeLessThanOrEqual(refreshesIn(took));
    expect([...misled.ends, ...first.ends, ...second.ends]).toEqual([]);
  });
});
