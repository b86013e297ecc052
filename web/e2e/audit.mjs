// Runs the audits of graphql-http, the reference implementation of GraphQL over HTTP, against the service: as
// it is in development, and as it is in production, with the introspection that four of the audits ask for. Without
// it production must refuse what asks for the schema.
//
//   VESTIBULE_BIN=../target/debug/vestibule node e2e/audit.mjs
//
// Starts services of its own (service.mjs). Prints an "ok" line for each service. Exit code 0: every MUST and
// every SHOULD is kept, 1: one is not.

import { randomBytes } from 'node:crypto';

import { serverAudits } from 'graphql-http';

import { assert, note, ok, redact } from './checks.mjs';
import { main } from './service.mjs';

/** With fewer audits than this, it is not the list that was meant. */
const FEWEST = 50;

const production = (introspection) => ({
  INTROSPECTION: introspection,
  APP_ENV: 'production',
  PUBLIC_URL: 'https://auth.example.com',
  SECRET_KEY: randomBytes(32).toString('hex'),
  SMTP_URL: 'none',
  BCRYPT_COST: '10',
});

/** The result of an audit; also where it throws, since then it has not passed. */
async function run({ id, name, fn }) {
  try {
    return await fn();
  } catch (error) {
    return { id, name, status: 'error', reason: String(error) };
  }
}

async function audit(service, where) {
  const audits = serverAudits({ url: `${service.url}/graphql` });
  assert(audits.length >= FEWEST, `there are ${audits.length} audits, not ${FEWEST} or more`);
  const failed = [];
  for (const each of audits) {
    const { id, name, status, reason, response } = await run(each);
    await response?.body?.cancel().catch(() => {});
    if (status === 'ok') continue;
    if (!name.startsWith('MAY ')) failed.push(id);
    note(`${where}: ${id} ${name}: ${redact(reason)}`);
  }
  assert(failed.length === 0, `${where}: ${failed.length} of ${audits.length} audits failed: ${failed.join(', ')}`);
  ok(`${where}: ${audits.length} audits, every MUST and SHOULD passed`);
}

await main(async (start) => {
  await audit(await start(), 'development');
  await audit(await start(production('public')), 'production');
  const closed = await start(production(''));
  const { data, errors } = await closed.answer('{ __schema { queryType { name } } }');
  assert(!data && errors?.length === 1, 'production answers introspection');
}, 60_000);
