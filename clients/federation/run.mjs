// Runs Vestibule, a second subgraph and the gateway, and looks at what a client sees through it:
//
//   VESTIBULE_BIN=../../target/debug/vestibule node run.mjs
//
// VESTIBULE_BIN  the program (required)
//
// Everything is on free ports of 127.0.0.1. Prints an "ok" line for each check, and answers. Exit code 0: all passed,
// 1: something did not.

import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { assert, note, ok, redact, until, within } from '../../web/e2e/checks.mjs';
import { main, newFolder } from '../../web/e2e/service.mjs';
import { compose, ordersSdl, vestibuleSdl } from './compose.mjs';
import { startOrders } from './orders.mjs';

const REQUEST = 10_000;
const MANY = 50;
/** The most that the gateway takes, and the service. */
const BODY_BYTES = 256 * 1024;
/** Of documentation, so that nobody has them. */
const CLIENT = '203.0.113.7';
const FORGED = '198.51.100.9';

const REGISTER = `mutation ($input: RegisterInput!) {
  register(input: $input) { user { id name locale } session { id ipAddress userAgent } accessToken refreshToken }
}`;
const LOGIN = `mutation ($input: LoginInput!) {
  login(input: $input) { session { id deviceName } accessToken refreshToken }
}`;
const PLACE = `mutation ($input: PlaceOrderInput!) {
  placeOrder(input: $input) { order { id buyer { name } session { current deviceName } } }
}`;
const STORY = `{ me { name orders { edges { node { id buyer { id name email } session { id current } } } } } }`;
const RECENT = `query ($first: Int) { recentOrders(first: $first) { edges { node { signedAs buyer { id name } } } } }`;
const SESSIONS = `query ($first: Int) {
  me { orders(first: $first) { edges { node { session { id deviceName current } } } } }
}`;
const COSTLY = `query ($first: Int) {
  recentOrders(first: $first) { edges { node { id buyer { sessions(first: 100) { edges { node { id } } } } } } }
}`;
const RESET = `mutation ($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { ticket } }`;

/** What must be in no log. */
const secrets = new Set();

/** An answer in one line, without what a log must not have. */
function shown(answer, most = 400) {
  const text = (JSON.stringify(answer) ?? 'nothing').replace(/[A-Za-z0-9_-]{40,}[A-Za-z0-9._-]*/g, '…');
  return text.length > most ? `${text.slice(0, most)}…` : text;
}

const nodes = (connection) => connection.edges.map(({ node }) => node);

function assertSame(found, expected, what) {
  const [a, b] = [JSON.stringify(found), JSON.stringify(expected)];
  assert(a === b, `${what}: ${shown(found, 2000)}\nexpected: ${shown(expected, 2000)}`);
}

function startGateway(supergraph) {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'gateway.mjs')], {
    env: { PATH: process.env.PATH, NODE_ENV: 'production', SUPERGRAPH: supergraph, PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const gateway = { child, output: '' };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      gateway.output += text;
    });
  }
  process.once('exit', () => child.kill('SIGKILL'));
  gateway.ended = new Promise((done, fail) => {
    child.once('error', fail);
    child.once('close', (status, signal) => done(status ?? signal));
  });
  return gateway;
}

/** Vestibule, orders and a gateway before both. */
class Stage {
  static async set(start, settings = {}) {
    const stage = new Stage();
    // Its schema was composed from the command line, so nobody has to be able to ask for it.
    stage.service = await start({ FEDERATION: 'on', INTROSPECTION: 'off', TRUSTED_PROXIES: '127.0.0.1', ...settings });
    stage.orders = await startOrders(stage.service.url);
    const { supergraphSdl, errors } = compose([
      { name: 'vestibule', url: `${stage.service.url}/graphql`, sdl: await vestibuleSdl() },
      { name: 'orders', url: stage.orders.url, sdl: ordersSdl },
    ]);
    assert(!errors, `it does not compose: ${errors}`);
    const file = join(newFolder(), 'supergraph.graphql');
    writeFileSync(file, supergraphSdl);
    stage.gateway = startGateway(file);
    stage.url = await until('the gateway is ready', () => {
      assert(stage.gateway.child.exitCode === null, `the gateway has ended:\n${stage.gateway.output}`);
      return stage.gateway.output.match(/ready at (\S+)/)?.[1];
    });
    return stage;
  }

  /** The answer of the gateway, with its headers. */
  async send(body, headers = {}) {
    const answer = await fetch(this.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': 'story/1', ...headers },
      body,
      signal: AbortSignal.timeout(REQUEST),
    });
    const text = await answer.text();
    for (const [, token] of text.matchAll(/"(?:access|refresh)Token":"([^"]+)"/g)) secrets.add(token);
    return { status: answer.status, headers: answer.headers, text, ...JSON.parse(text) };
  }

  answer(query, { token, variables, headers } = {}) {
    const authorization = token && { authorization: `Bearer ${token}` };
    return this.send(JSON.stringify({ query, variables }), { ...authorization, ...headers });
  }

  /** The data of what must be answered without an error. */
  async ask(query, options) {
    const answer = await this.answer(query, options);
    assert(!answer.errors && answer.data, `${query} failed: ${shown(answer.text, 2000)}`);
    return answer.data;
  }

  async login({ email, password }, deviceName) {
    const { login } = await this.ask(LOGIN, { variables: { input: { email, password, deviceName } } });
    return { token: login.accessToken, refreshToken: login.refreshToken, session: login.session.id };
  }

  async placeOrder({ token }, item, signedAs) {
    const { placeOrder } = await this.ask(PLACE, { token, variables: { input: { item, signedAs } } });
    return placeOrder.order;
  }

  /** How many requests for entities Vestibule has counted. */
  async entityRequests() {
    const answer = await fetch(`${this.service.url}/metrics`, { signal: AbortSignal.timeout(REQUEST) });
    const counts = (await answer.text()).matchAll(/^vestibule_operations_total\{.*field="_entities".*\} (\d+)/gm);
    return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
  }

  async strike() {
    this.gateway.child.kill('SIGTERM');
    await within('the gateway ends', this.gateway.ended, REQUEST);
    await this.orders.stop();
    await this.service.stop();
  }
}

/** Somebody new, registered through the gateway. */
async function register(stage, name, headers) {
  const unique = `${name.toLowerCase()}-${Date.now().toString(36)}${Math.random().toString(36).slice(2)}`;
  const person = { name, email: `${unique}@example.com`, password: `correct horse ${unique}` };
  secrets.add(person.password);
  const { register: answer } = await stage.ask(REGISTER, { variables: { input: person }, headers });
  const { accessToken: token, refreshToken, user, session } = answer;
  const seen = { ...session, locale: user.locale };
  return { ...person, id: user.id, token, refreshToken, session: session.id, seen };
}

async function orderAndLook(stage, ada) {
  const phone = await stage.login(ada, 'phone');
  const first = await stage.placeOrder(ada, 'a loom', 'A. L.');
  assertSame([first.buyer.name, first.session.current], [ada.name, true], 'the order that was placed');
  await stage.placeOrder(phone, 'punched cards', 'Ada');
  const data = await stage.ask(STORY, { token: phone.token });
  note(shown(data, 1000));
  const buyer = { id: ada.id, name: ada.name, email: ada.email };
  const expected = [
    { id: 'order_2', buyer, session: { id: phone.session, current: true } },
    { id: 'order_1', buyer, session: { id: ada.session, current: false } },
  ];
  assertSame(data, { me: { name: ada.name, orders: { edges: expected.map((node) => ({ node })) } } }, 'the story');
  ok('people register, log in and order through the gateway, and each subgraph answers its part');
  const { login } = await stage.ask(
    'mutation ($input: LoginInput!) { login(input: $input) { user { name orders { edges { cursor } } } } }',
    { variables: { input: { email: ada.email, password: ada.password } } },
  );
  assertSame(login.user, { name: ada.name, orders: null }, 'the user of a login');
  ok('the operation that logs in has no token yet, so other subgraphs answer it as for nobody');
}

async function others(stage, ada) {
  const eve = await register(stage, 'Eve');
  await stage.placeOrder(eve, 'a telescope', 'E.');
  await stage.placeOrder(ada, 'a notebook', 'Ada');
  const own = { id: ada.id, name: ada.name };
  const look = async (token) => {
    const answer = await stage.answer(RECENT, { token });
    assert(!answer.errors, `somebody else's order is an error: ${shown(answer.errors)}`);
    return { list: nodes(answer.data.recentOrders), answer };
  };
  const { list, answer } = await look(ada.token);
  note(shown(JSON.parse(answer.text), 1500));
  assertSame(list.map(({ signedAs }) => signedAs), ['Ada', 'E.', 'Ada', 'A. L.'], 'who signed');
  assertSame(list.map(({ buyer }) => buyer), [own, null, own, own], 'the buyers');
  ok("another person is null in its place, the others are in order, and there is no error");
  const anonymous = await look();
  assertSame(anonymous.list.map(({ buyer }) => buyer), [null, null, null, null], 'the buyers, without a token');
  assertSame((await stage.ask(STORY)).me, null, 'me, without a token');
  ok('without a token everybody is null, and there is no error');
  const { recentOrders } = await stage.ask('{ recentOrders { edges { node { buyer { id } } } } }');
  assertSame(nodes(recentOrders)[1].buyer, { id: eve.id }, 'the id of somebody else');
  const half = await stage.ask('{ recentOrders { edges { node { buyer { id username } } } } }', { token: ada.token });
  assertSame(nodes(half.recentOrders)[1].buyer, { id: eve.id, username: null }, 'somebody else without a name');
  ok('the id is from the other subgraph, which Vestibule is not asked about; what may be null is null by itself');
}

function assertUnauthenticated({ errors, text }, reason, path) {
  assert(errors?.length === 1, `there is not one error: ${shown(text)}`);
  const { code, reason: found, status, requestId } = errors[0].extensions;
  assertSame([code, found, status, typeof requestId], ['UNAUTHENTICATED', reason, 401, 'string'], 'the error');
  assertSame(errors[0].path, path, 'its path');
}

async function refusedTokens(stage, shortLived, { ada, bob }) {
  const tablet = await stage.login(ada, 'tablet');
  await stage.ask('mutation { logout { success } }', { token: tablet.token });
  const answer = await stage.answer(STORY, { token: tablet.token });
  note(shown(JSON.parse(answer.text)));
  assertSame(answer.data, { me: null }, 'me, after a logout');
  assertUnauthenticated(answer, 'SESSION_REVOKED', ['me']);
  const list = await stage.answer(RECENT, { token: tablet.token });
  note(shown(list.errors));
  assertUnauthenticated(list, 'SESSION_REVOKED', ['recentOrders', 'edges', '@', 'node', 'buyer', '_entities']);
  const seen = nodes(list.data.recentOrders);
  assert(seen.length === 4 && seen.every(({ signedAs, buyer }) => signedAs && buyer === null), shown(list.data));
  ok('with the token of an ended session: UNAUTHENTICATED with its reason, and what others answer is there');
  const own = await stage.ask('{ recentOrders { edges { node { session { id } } } } }', { token: tablet.token });
  const isThere = nodes(own.recentOrders).map(({ session }) => session !== null);
  assertSame(isThere, [true, false, true, true], 'the sessions of orders');
  ok('a subgraph that verifies tokens by itself takes that of an ended session until it expires');

  await until('the token has expired', async () => {
    const late = await shortLived.answer('{ me { name } }', { token: bob.token });
    if (late.errors) assertUnauthenticated(late, 'TOKEN_EXPIRED', ['me']);
    return late.errors;
  });
  const { refresh } = await shortLived.ask(
    'mutation ($input: RefreshInput!) { refresh(input: $input) { accessToken refreshToken } }',
    { variables: { input: { refreshToken: bob.refreshToken } } },
  );
  assertSame(await shortLived.ask('{ me { name } }', { token: refresh.accessToken }), { me: { name: 'Bob' } }, 'me');
  ok('with an expired token: UNAUTHENTICATED, TOKEN_EXPIRED; a refresh through the gateway brings a good one');
}

async function manySessions(stage) {
  const mary = await register(stage, 'Mary');
  const logins = [];
  for (let index = 0; index < MANY; index += 1) {
    logins.unshift({ ...(await stage.login(mary, `device ${index}`)), deviceName: `device ${index}` });
    await stage.placeOrder(logins[0], `parcel ${index}`, 'M.');
  }
  const [ended] = logins.splice(20, 1, null);
  const revoke = 'mutation ($input: RevokeSessionInput!) { revokeSession(input: $input) { sessionId } }';
  await stage.ask(revoke, { token: mary.token, variables: { input: { id: ended.session } } });

  const [before, requests] = [await stage.entityRequests(), stage.orders.requests.length];
  const { token } = logins[5];
  const data = await stage.ask(SESSIONS, { token, variables: { first: MANY } });
  const asked = (await stage.entityRequests()) - before;
  const expected = logins.map(
    (login, index) => login && { id: login.session, deviceName: login.deviceName, current: index === 5 },
  );
  assertSame(nodes(data.me.orders).map(({ session }) => session), expected, 'the sessions');
  note(`${MANY} sessions: ${asked} request of _entities to Vestibule`);
  assert(asked === 1, `${MANY} sessions are ${asked} requests of _entities`);
  const there = stage.orders.requests.slice(requests);
  assert(there.length === 1 && there[0].query.includes('_entities'), `orders was asked ${there.length} times`);
  ok(`${MANY} sessions of one list are one request, in order, and null is where one has ended`);
  return mary;
}

async function tooMuch(stage, { token }) {
  const { data, errors } = await stage.answer(COSTLY, { token, variables: { first: MANY } });
  note(shown(errors));
  assert(errors?.length === 1, `not one error: ${shown(errors)}`);
  const { code, limitName, limit } = errors[0].extensions;
  assertSame([code, limitName, limit], ['OPERATION_TOO_COMPLEX', 'complexity', 5000], 'the error');
  assert(nodes(data.recentOrders).every(({ id, buyer }) => id && buyer.sessions === null), shown(data));
  ok('a list that costs too much is OPERATION_TOO_COMPLEX, and what others answer is there');

  // What the gateway makes of it is a little longer, so the service does not read it.
  const body = (text) =>
    JSON.stringify({ query: 'query Ask($id:ID!){node(id:$id){id}}', variables: { id: text } });
  const long = await stage.send(body('x'.repeat(BODY_BYTES - body('').length)));
  note(shown(long.errors));
  const { code: refused, status, response } = long.errors[0].extensions;
  assertSame([refused, status, response ?? null], ['BAD_USER_INPUT', 413, null], 'the error');
  ok('a request that the service refuses as a whole says why, and not where the service is');
}

async function typedErrors(stage, ada) {
  const twice = { email: ada.email.toUpperCase(), password: ada.password, name: 'Ada' };
  const taken = await stage.answer(REGISTER, { variables: { input: twice } });
  note(shown(taken.errors));
  const { code, status, requestId, stacktrace } = taken.errors[0].extensions;
  assertSame([taken.status, code, status, taken.errors[0].path], [200, 'EMAIL_TAKEN', 409, ['register']], 'the error');
  assert(requestId?.startsWith('req_') && !stacktrace, shown(taken.errors));
  const faulty = await stage.answer(REGISTER, { variables: { input: { email: 'nobody', password: 'x', name: '' } } });
  const { fields } = faulty.errors[0].extensions;
  const found = fields.map(({ field, code: fault }) => `${field} ${fault}`).sort();
  assertSame(found, ['input.email INVALID_FORMAT', 'input.name REQUIRED', 'input.password TOO_SHORT'], 'the fields');
  ok('errors of mutations come with code, fields, path and requestId');
}

async function headers(stage, ada) {
  // Whoever is in TRUSTED_PROXIES is believed, so 127.0.0.1 is here a proxy before the gateway.
  const kim = await register(stage, 'Kim', { 'x-forwarded-for': `${FORGED}, ${CLIENT}`, 'accept-language': 'fr' });
  const { ipAddress, userAgent, locale } = kim.seen;
  assertSame([ipAddress, userAgent, locale], [CLIENT, 'story/1', 'fr'], 'the session');
  ok("address, User-Agent and language are the client's, and not the gateway's or forged");

  const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const sent = { cookie: 'vestibule_access=nonsense', 'x-request-id': 'mine', traceparent: trace };
  await stage.ask(STORY, { token: ada.token, headers: sent });
  const got = stage.orders.requests.at(-1).headers;
  assertSame([got.authorization === `Bearer ${ada.token}`, got.cookie ?? null], [true, null], 'token and cookie');
  assertSame([got['x-request-id'], got.traceparent, got['x-forwarded-for']], ['mine', trace, '127.0.0.1'], 'headers');
  ok('subgraphs get the token, the trace, the id and the address, and no cookie');

  const input = { email: ada.email, password: ada.password, transport: 'COOKIE' };
  const cookies = await stage.answer(LOGIN, { variables: { input } });
  assertSame([cookies.data.login.accessToken, cookies.headers.get('set-cookie')], [null, null], 'a login by cookie');
  assertSame(cookies.headers.get('cache-control'), 'no-store', 'Cache-Control');
  ok('transport: COOKIE brings no token and no cookie through the gateway; nothing may be kept by caches');

  const once = { variables: { input: { email: ada.email } }, headers: { 'idempotency-key': crypto.randomUUID() } };
  const [one, two] = [await stage.ask(RESET, once), await stage.ask(RESET, once)];
  assertSame(two, one, 'the answer to the same Idempotency-Key');
  ok('a mutation with an Idempotency-Key is done once');
}

async function logs(stage, ada) {
  const authorization = `Bearer ${ada.token}`;
  const faulty = await stage.send(`{ "query": "{ me { id } }", "token": "${ada.token}" `, { authorization });
  assert(faulty.status === 400 && !faulty.text.includes(ada.token), `a faulty body: ${shown(faulty.text)}`);
  assert(secrets.size > 100, `only ${secrets.size} secrets were kept`);
  const { output } = stage.service.process;
  const written = { gateway: stage.gateway.output, service: output.stdout + output.stderr };
  for (const [who, text] of Object.entries(written)) {
    assert(![...secrets].some((secret) => text.includes(secret)), `a secret is in the log of the ${who}`);
  }
  note(`the gateway wrote: ${JSON.stringify(stage.gateway.output)}`);
  ok(`none of ${secrets.size} tokens and passwords is in the output of gateway or service`);
}

async function away(stage) {
  await stage.service.stop();
  const { data, errors } = await stage.answer(RECENT);
  note(shown(errors));
  assertSame([errors.length, errors[0].extensions.code], [1, 'SERVICE_UNAVAILABLE'], 'the error');
  const { port } = stage.service;
  assert(!JSON.stringify(errors).includes(`:${port}`), 'clients are told the address of a subgraph');
  assert(data.recentOrders.edges.length > 0, 'orders has nothing to say any more');
  ok('while Vestibule is away, SERVICE_UNAVAILABLE tells no address, and what others answer is there');
}

async function story(stage, shortLived) {
  const [ada, bob] = await Promise.all([register(stage, 'Ada'), register(shortLived, 'Bob')]);
  await orderAndLook(stage, ada);
  await others(stage, ada);
  await refusedTokens(stage, shortLived, { ada, bob });
  const mary = await manySessions(stage);
  await tooMuch(stage, mary);
  await typedErrors(stage, ada);
  await headers(stage, ada);
  await logs(stage, ada);
  await away(stage);
}

await main(async (start) => {
  const stages = await Promise.all([Stage.set(start), Stage.set(start, { ACCESS_TOKEN_TTL: '3s' })]);
  try {
    await story(...stages);
  } catch (error) {
    for (const { gateway } of stages) console.error(`-- a gateway wrote\n${redact(gateway.output)}`);
    throw error;
  }
  await Promise.all(stages.map((stage) => stage.strike()));
}, 55_000);
