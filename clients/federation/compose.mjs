// Composes the schema of Vestibule with that of another service, and checks what comes of it:
//
//   VESTIBULE_BIN=../../target/debug/vestibule node compose.mjs [FILE]
//
// VESTIBULE_BIN              the program (required)
// VESTIBULE_URL, ORDERS_URL  where the gateway finds the two
// FILE                       where the composed schema is written, for gateway.mjs
//
// Prints an "ok" line for each check. Exit code 0: all passed, 1: something did not.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { composeServices } from '@apollo/composition';
import { buildSchema, parse, valueFromASTUntyped } from 'graphql';

import { assert, note, ok } from '../../web/e2e/checks.mjs';
import { main, newFolder, runProgram } from '../../web/e2e/service.mjs';

export const ordersSdl = readFileSync(join(import.meta.dirname, 'orders.graphql'), 'utf8');

/** What `vestibule schema …` prints. */
async function schemaOf(...options) {
  const { status, stdout, stderr } = await runProgram(['schema', ...options], newFolder(), {});
  assert(status === 0, `vestibule schema ended with status ${status}:\n${stderr}`);
  return stdout;
}

export const vestibuleSdl = () => schemaOf('--federation');

/** Composes subgraphs, each `{ name, url, sdl }`: `{ supergraphSdl, hints }`, or `{ errors }`. */
export function compose(subgraphs) {
  return composeServices(subgraphs.map(({ name, url, sdl }) => ({ name, url, typeDefs: parse(sdl) })));
}

const describe = (errors) => errors.map((error) => `${error.extensions?.code}: ${error.message}`).join('\n');

/** The schema that a gateway serves. Hints from this level on are as bad as errors; the rest is printed. */
function composed(subgraphs, what) {
  const { supergraphSdl, hints, errors } = compose(subgraphs);
  assert(!errors, `${what} does not compose:\n${describe(errors ?? [])}`);
  for (const { definition, message } of hints) {
    note(`${definition.level.name} ${definition.code}: ${message.split('. ')[0]}`);
  }
  const bad = hints.filter(({ definition }) => definition.level.name !== 'DEBUG');
  assert(bad.length === 0, `${what} composes with hints: ${bad.map(({ definition }) => definition.code)}`);
  buildSchema(supergraphSdl, { assumeValidSDL: true });
  return supergraphSdl;
}

/** Which subgraphs answer for a type, and by which key: `['VESTIBULE id']`. */
function joins(supergraphSdl, type) {
  const { directives } = parse(supergraphSdl).definitions.find(({ name }) => name?.value === type);
  const read = ({ name, value }) => [name.value, valueFromASTUntyped(value)];
  return directives
    .filter(({ name }) => name.value === 'join__type')
    .map((directive) => Object.fromEntries(directive.arguments.map(read)))
    .map(({ graph, key, resolvable }) => `${graph} ${key}${resolvable === false ? ' by reference' : ''}`)
    .sort();
}

function assertJoins(supergraphSdl, type, expected) {
  const found = joins(supergraphSdl, type);
  assert(found.join() === expected.join(), `${type} is joined as ${found.join(', ')}`);
  ok(`${type} is an entity: ${found.join(', ')}`);
}

/** A change of a schema that must not go unseen. */
function edit(sdl, from, to) {
  assert(sdl.includes(from), `there is no ${from}`);
  return sdl.replace(from, to);
}

function assertRefused(what, subgraphs, code, about) {
  const { errors, supergraphSdl } = compose(subgraphs);
  assert(errors && !supergraphSdl, `${what}: it composes`);
  const found = errors.find(({ extensions, message }) => extensions.code === code && message.includes(about));
  assert(found, `${what}: refused for something else:\n${describe(errors)}`);
  ok(`${what}: refused with ${code}`);
}

async function check() {
  const file = process.argv[2];
  const vestibule = {
    name: 'vestibule',
    url: process.env.VESTIBULE_URL ?? 'http://127.0.0.1:8080/graphql',
    sdl: await vestibuleSdl(),
  };
  const orders = { name: 'orders', url: process.env.ORDERS_URL ?? 'http://127.0.0.1:4001/', sdl: ordersSdl };

  const alone = composed([vestibule], 'vestibule');
  ok('the schema composes alone');
  assertJoins(alone, 'User', ['VESTIBULE id']);
  assertJoins(alone, 'Session', ['VESTIBULE id']);

  const both = composed([vestibule, orders], 'vestibule with orders');
  ok('it composes with a second subgraph');
  assertJoins(both, 'User', ['ORDERS id', 'VESTIBULE id']);
  assertJoins(both, 'Session', ['ORDERS id by reference', 'VESTIBULE id']);
  assertJoins(both, 'Order', ['ORDERS id']);
  for (const name of ['_Entity', '_Service', 'Subscription']) {
    assert(!new RegExp(`^(type|union) ${name}\\b`, 'm').test(both), `the composed schema has ${name}`);
  }
  ok('what only routers ask, and subscriptions, are not in it');

  const shared = 'type PageInfo @shareable';
  const sharing = 'INVALID_FIELD_SHARING';
  const other = (sdl) => [vestibule, { ...orders, sdl }];
  const unshared = edit(ordersSdl, shared, 'type PageInfo');
  assertRefused('PageInfo is not shareable there', other(unshared), sharing, 'PageInfo.');
  const own = { ...vestibule, sdl: edit(vestibule.sdl, shared, 'type PageInfo') };
  assertRefused('PageInfo is not shareable here', [own, orders], sharing, 'PageInfo.');
  const named = edit(ordersSdl, '  orders(first', '  name: String!\n  orders(first');
  assertRefused('User.name is answered there too', other(named), sharing, 'User.name');
  const noded = edit(ordersSdl, 'type Query {', 'interface Node { id: ID! }\n\ntype Query {\n  node(id: ID!): Node');
  assertRefused('Query.node is answered there too', other(noded), sharing, 'Query.node');
  const keyless = edit(ordersSdl, 'type User @key(fields: "id")', 'type User');
  assertRefused('User has no key there', other(keyless), sharing, 'User.id');

  if (file) {
    writeFileSync(file, both);
    note(`written to ${file}`);
  }
}

if (process.argv[1] === import.meta.filename) await main(check, 60_000);
