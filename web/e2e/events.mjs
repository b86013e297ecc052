// Listens to session events with the public clients of both protocols, graphql-ws and graphql-sse:
//
//   VESTIBULE_BIN=../target/debug/vestibule node e2e/events.mjs
//
// Starts services of its own (service.mjs). A crowd of idle sockets waits on one of them, for longer than
// a silent socket may, while the protocols are checked on the other. Prints an "ok" line per check. Exit
// code 0: all passed, 1: something did not.

import { readFileSync } from 'node:fs';

import { buildClientSchema, getIntrospectionQuery, parse, validate } from 'graphql';
import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createSocketClient } from 'graphql-ws';
import WebSocket from 'ws';

import { assert, note, ok, sleep, until, within } from './checks.mjs';
import { main } from './service.mjs';

const EVENTS = `subscription {
  sessionEvents { type sessionId endsCurrentSession at session { id deviceName current } }
}`;
const ME = '{ me { id } }';
const RENAME = 'mutation ($input: RenameSessionInput!) { renameSession(input: $input) { session { id } } }';
const REVOKE = 'mutation ($input: RevokeSessionInput!) { revokeSession(input: $input) { sessionId } }';
const PROTOCOL = 'graphql-transport-ws';
/** The name that a session gets until its listener hears of it. */
const PROBE = 'is anybody listening?';

/** Of what may come out one way or the other. */
const MANY = 30;

const PEOPLE = 100;
const SOCKETS_EACH = 10;
const CROWD = PEOPLE * SOCKETS_EACH;
/** The service pings every 20 s and drops a socket that was silent for 50 s. */
const IDLE = 65_000;

const bearer = (token) => ({ authorization: `Bearer ${token}` });
const socketUrl = (service) => `${service.url.replace('http', 'ws')}/graphql/ws`;

function socketClient(service, token, options = {}) {
  return createSocketClient({
    url: socketUrl(service),
    webSocketImpl: WebSocket,
    connectionParams: bearer(token),
    retryAttempts: 0,
    ...options,
  });
}

function sseClient(service, token, path = '/graphql') {
  return createSseClient({ url: `${service.url}${path}`, headers: bearer(token), retryAttempts: 0 });
}

/** The one result of a query or mutation. */
async function single(client, request) {
  const results = [];
  for await (const result of client.iterate(request)) results.push(result);
  assert(results.length === 1, `${results.length} results`);
  return results[0];
}

/** What an operation that must fail throws. */
async function failure(client, request) {
  const error = await within('the operation fails', single(client, request).then(() => null, (reason) => reason));
  assert(error, `no error from ${request.query}`);
  return error;
}

/** Everything that a subscription brings. */
class Listener {
  constructor(client) {
    this.results = [];
    this.ended = (async () => {
      for await (const result of client.iterate({ query: EVENTS })) {
        if (result.data?.sessionEvents.session?.deviceName !== PROBE) this.results.push(result);
        else this.isHeard = true;
      }
    })();
    this.ended.catch(() => {});
  }

  /** Waits until it hears something: neither protocol tells when a subscription has begun. */
  async begin(service, { token, session }) {
    const variables = { input: { id: session, deviceName: PROBE } };
    await until('the subscription hears something', async () => {
      await service.ask(RENAME, { token, variables });
      await sleep(50);
      return this.isHeard;
    });
    return this;
  }

  /** The next event. */
  async next(type, sessionId) {
    const result = await until(`${type} is told`, () => this.results.shift());
    const event = result.data?.sessionEvents;
    assert(event?.type === type && event.sessionId === sessionId, `not ${type}, but ${JSON.stringify(result)}`);
    const age = Date.now() - Date.parse(event.at);
    assert(age > -1000 && age < 20_000, `${type} was told to be at ${event.at}`);
    return event;
  }
}

/** One person's devices, one of which listens, until another one ends its session. */
async function sessionEvents(name, service, open, expectEnd) {
  const person = await service.register();
  const stranger = await service.register();
  const listener = await new Listener(open(person.token)).begin(service, person);
  const other = await new Listener(open(stranger.token)).begin(service, stranger);

  const second = await service.login(person, 'second');
  let event = await listener.next('CREATED', second.session);
  const { id, deviceName, current } = event.session;
  assert(id === second.session && deviceName === 'second' && !current, JSON.stringify(event));
  assert(!event.endsCurrentSession, 'a login ends the session of the listener');
  ok(`${name}: a login is told as CREATED`);

  const renamed = { input: { id: second.session, deviceName: 'renamed' } };
  await service.ask(RENAME, { token: person.token, variables: renamed });
  event = await listener.next('RENAMED', second.session);
  assert(event.session.deviceName === 'renamed' && !event.endsCurrentSession, JSON.stringify(event));
  ok(`${name}: a new name is told as RENAMED`);

  await service.ask(REVOKE, { token: person.token, variables: { input: { id: second.session } } });
  event = await listener.next('REVOKED', second.session);
  assert(event.session === null && !event.endsCurrentSession, JSON.stringify(event));
  ok(`${name}: the end of another session is told as REVOKED`);

  const third = await service.login(person, 'third');
  await listener.next('CREATED', third.session);
  await service.ask(REVOKE, { token: third.token, variables: { input: { id: person.session } } });
  event = await listener.next('REVOKED', person.session);
  assert(event.session === null && event.endsCurrentSession, JSON.stringify(event));
  await expectEnd(listener);
  assert(other.results.length === 0, `somebody else is told ${JSON.stringify(other.results)}`);
  ok(`${name}: somebody else is told nothing`);
}

async function overSockets(service) {
  let closed;
  const open = (token) =>
    socketClient(service, token, {
      // The client closes a socket that has nothing to do; the service is to be first here.
      lazyCloseTimeout: 10_000,
      on: { closed: (event) => (closed = event) },
    });
  await sessionEvents('graphql-ws', service, open, async (listener) => {
    await until('the socket is closed', () => closed);
    const { code, reason } = closed;
    assert(code === 4401 && reason === 'SESSION_REVOKED', `closed with ${code} ${reason}`);
    assert(listener.results.length === 0, `after the end: ${JSON.stringify(listener.results)}`);
    ok('graphql-ws: the end of the own session is told, then the socket is closed with 4401 SESSION_REVOKED');
  });
}

async function overEvents(service, path) {
  const name = `graphql-sse at ${path}`;
  await sessionEvents(name, service, (token) => sseClient(service, token, path), async (listener) => {
    await within('the stream is completed', listener.ended);
    const [last, ...more] = listener.results;
    const { code, reason } = last?.errors?.[0].extensions ?? {};
    assert(
      code === 'UNAUTHENTICATED' && reason === 'SESSION_REVOKED' && more.length === 0,
      `before complete: ${JSON.stringify(listener.results)}`,
    );
    ok(`${name}: the end of the own session is told, then UNAUTHENTICATED, then complete`);
  });
}

/** Both ends may close a socket, and each hears that the other one does (RFC 6455 §5.5.1). */
async function closing(service) {
  const person = await service.register();
  const codes = {};
  for (let i = 0; i < 20; i += 1) {
    const closed = new Promise((done) => {
      const on = { connected: (socket) => socket.close(1000, 'Normal Closure'), closed: done };
      socketClient(service, person.token, { lazy: false, onNonLazyError: () => {}, on });
    });
    const { code } = await within('the socket is closed', closed);
    codes[code] = (codes[code] ?? 0) + 1;
  }
  assert(codes[1000] === 20, `20 sockets that their clients close with 1000 end with ${JSON.stringify(codes)}`);
  ok('graphql-ws: a socket that its client closes with 1000 is closed with 1000 by the service');
}

/** A client that is sending hears why the service closes its socket. */
async function closingWhileSending(service) {
  const codes = {};
  for (let i = 0; i < 20; i += 1) {
    const socket = new WebSocket(socketUrl(service), [PROTOCOL]);
    const closed = new Promise((done) => {
      socket.once('close', done);
      socket.once('error', () => {});
    });
    socket.once('open', () => {
      socket.send('no message of the protocol');
      for (let more = 0; more < 500; more += 1) socket.send('{"type":"ping"}');
    });
    const code = await within('the socket is closed', closed);
    codes[code] = (codes[code] ?? 0) + 1;
  }
  assert(codes[4400] === 20, `20 sockets whose clients send on are closed with ${JSON.stringify(codes)}`);
  ok('a client that is still sending hears that its socket is closed with 4400');
}

/** Ends the sessions of many listeners; counts what each heard last and how it ended. */
async function endMany(service, open, howEnded) {
  const counts = {};
  for (let i = 0; i < MANY; i += 1) {
    const person = await service.register();
    const client = open(person.token);
    const listener = await new Listener(client).begin(service, person);
    const second = await service.login(person);
    await listener.next('CREATED', second.session);
    await service.ask(REVOKE, { token: second.token, variables: { input: { id: person.session } } });
    const event = await listener.next('REVOKED', person.session);
    assert(event.endsCurrentSession, 'the end is not told');
    const end = await within('the end', howEnded(listener, client));
    counts[end] = (counts[end] ?? 0) + 1;
  }
  return counts;
}

/** The end is the same every time, whichever part of the service hears of it first. */
async function manyEnds(service) {
  // With its defaults the client closes a socket that has nothing left to do, so it may be first.
  const open = (token) => {
    const closed = {};
    closed.promise = new Promise((done) => (closed.done = done));
    const client = socketClient(service, token, { on: { closed: closed.done } });
    return Object.assign(client, { closed: closed.promise });
  };
  let counts = await endMany(service, open, async (_, client) => (await client.closed).code);
  const clean = (counts[4401] ?? 0) + (counts[1000] ?? 0);
  assert(clean === MANY, `graphql-ws: ${MANY} sockets of ended sessions are closed with ${JSON.stringify(counts)}`);
  ok(`graphql-ws with its defaults: ${MANY} sockets of ended sessions are closed cleanly`);
  note(`closed with ${JSON.stringify(counts)}; 1000 where the client was first`);

  counts = await endMany(service, (token) => sseClient(service, token), async (listener) => {
    await listener.ended;
    const [last] = listener.results;
    return last ? last.errors?.[0].extensions.reason : 'complete without an error';
  });
  assert(counts.SESSION_REVOKED === MANY, `graphql-sse: ${MANY} streams of ended sessions end with ${JSON.stringify(counts)}`);
  ok(`graphql-sse: ${MANY} streams of ended sessions end with UNAUTHENTICATED SESSION_REVOKED, then complete`);
}

async function operations(service) {
  const person = await service.register();
  const update = {
    query: 'mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) { user { name } } }',
    variables: { input: { name: 'Grace Hopper' } },
  };
  for (const [name, client] of [
    ['graphql-ws', socketClient(service, person.token, { lazyCloseTimeout: 10_000 })],
    ['graphql-sse', sseClient(service, person.token)],
  ]) {
    const me = await single(client, { query: ME });
    assert(me.data?.me.id === person.id && !me.errors, JSON.stringify(me));
    const updated = await single(client, update);
    assert(updated.data?.updateProfile.user.name === 'Grace Hopper', JSON.stringify(updated));
    ok(`${name}: queries and mutations run`);
    const { data } = await single(client, { query: getIntrospectionQuery() });
    const faults = validate(buildClientSchema(data), parse(EVENTS));
    assert(faults.length === 0, `the subscription does not fit the schema: ${faults}`);
    ok(`${name}: the schema that the service tells has the subscription`);
    for (const [query, code] of [
      ['{ nobody }', 'GRAPHQL_VALIDATION_FAILED'],
      ['subscription { nothing }', 'GRAPHQL_VALIDATION_FAILED'],
      ['{', 'GRAPHQL_PARSE_FAILED'],
    ]) {
      let found;
      if (name === 'graphql-ws') {
        const error = await failure(client, { query });
        assert(Array.isArray(error), `${query}: ${error.reason ?? error}`);
        found = error[0].extensions.code;
      } else {
        // Through an accepted stream, says the protocol: an EventSource cannot read the body of a 400.
        const result = await single(client, { query }).catch((error) => ({ errors: [error] }));
        found = result.errors?.[0].extensions?.code ?? result.errors?.[0].message;
      }
      assert(found === code, `${name}: ${query} is refused with ${found}, not ${code}`);
    }
    assert((await single(client, { query: ME })).data?.me.id === person.id, 'a query after that');
    ok(`${name}: faulty documents are refused with their codes, and others run after that`);
    await client.dispose();
  }
}

/** What a handshake is answered with: the status, or 101. */
function handshake(service, protocols, options) {
  const socket = new WebSocket(socketUrl(service), protocols, options);
  const answered = new Promise((done, fail) => {
    socket.once('open', () => done(101));
    socket.once('unexpected-response', (request, response) => {
      done(response.statusCode);
      request.destroy();
    });
    socket.once('error', fail);
  });
  return within('the handshake is answered', answered).finally(() => socket.terminate());
}

async function refusals(service) {
  const person = await service.register();
  for (const [what, params, reason] of [
    ['a bad token', bearer('not.a.token'), 'TOKEN_INVALID'],
    ['no token', {}, 'MISSING'],
  ]) {
    const client = socketClient(service, '', { connectionParams: params });
    const event = await failure(client, { query: ME });
    assert(event.code === 4403 && event.reason === reason, `${what}: ${event.code} ${event.reason ?? event}`);
    ok(`graphql-ws: ${what} closes the socket with 4403 ${reason}`);
  }
  const refused = await single(sseClient(service, 'not.a.token'), { query: EVENTS });
  const { code, reason } = refused.errors[0].extensions;
  assert(code === 'UNAUTHENTICATED' && reason === 'TOKEN_INVALID', JSON.stringify(refused));
  ok('graphql-sse: a bad token is answered with UNAUTHENTICATED TOKEN_INVALID, then complete');

  for (const [what, protocols, options, expected] of [
    ['the subprotocol graphql-transport-ws', [PROTOCOL], {}, 101],
    ['that one and the legacy one', ['graphql-ws', PROTOCOL], {}, 101],
    ['an Origin of its own', [PROTOCOL], { origin: service.url }, 101],
    ['the legacy subprotocol graphql-ws', ['graphql-ws'], {}, 400],
    ['no subprotocol', [], {}, 400],
    ['the Origin of another site', [PROTOCOL], { origin: 'https://elsewhere.example' }, 403],
  ]) {
    const status = await handshake(service, protocols, options);
    assert(status === expected, `a handshake with ${what} is answered with ${status}`);
    ok(`a handshake with ${what} is answered with ${status}`);
  }

  const clients = [];
  const connect = () =>
    new Promise((done) => {
      const on = { connected: () => done('connected'), closed: ({ code }) => done(code) };
      clients.push(socketClient(service, person.token, { lazy: false, onNonLazyError: () => {}, on }));
    });
  for (let i = 1; i <= 20; i += 1) {
    assert((await within('a socket', connect())) === 'connected', `socket ${i} of a person is not accepted`);
  }
  const last = await within('a socket', connect());
  assert(last === 1013, `socket 21 of a person: ${last}`);
  await Promise.all(clients.map((client) => client.dispose()));
  ok('socket 21 of one person is closed with 1013');
}

/** What the system knows of a process: resident memory in KiB, and seconds of processor time. */
function usage({ pid }) {
  const resident = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1];
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
  return { resident: Number(resident), seconds: (Number(fields[11]) + Number(fields[12])) / 100 };
}

/** A socket with what became of it. Every second one asks for pongs of the protocol, too. */
function idleSocket(service, token, number) {
  const idle = { pings: 0, pongs: 0 };
  idle.connected = new Promise((done, fail) => {
    idle.client = socketClient(service, token, {
      lazy: false,
      onNonLazyError: () => {},
      keepAlive: number % 2 ? 15_000 : 0,
      on: {
        opened: (socket) => socket.on('ping', () => (idle.pings += 1)),
        pong: (received) => (idle.pongs += received ? 1 : 0),
        connected: done,
        closed: (event) => {
          idle.closed = event;
          fail(new Error(`closed with ${event.code} ${event.reason}`));
        },
        error: fail,
      },
    });
  });
  return idle;
}

/** A socket that answers no ping. */
function muteSocket(service, token) {
  const socket = new WebSocket(socketUrl(service), [PROTOCOL], { autoPong: false });
  const mute = { isConnected: false };
  socket.on('open', () => socket.send(JSON.stringify({ type: 'connection_init', payload: bearer(token) })));
  socket.on('message', () => (mute.isConnected = true));
  socket.on('error', () => {});
  socket.on('close', (code) => (mute.code = code));
  return mute;
}

async function gather(service) {
  const people = [];
  for (let i = 0; i < PEOPLE; i += 1) people.push(await service.register());
  const before = usage(service);
  const idle = [];
  for (const person of people) {
    const some = Array.from({ length: SOCKETS_EACH }, (_, number) => idleSocket(service, person.token, number));
    await within('sockets are accepted', Promise.all(some.map(({ connected }) => connected)));
    idle.push(...some);
  }
  const mute = muteSocket(service, people[0].token);
  await until('a mute socket is accepted', () => mute.isConnected);
  const since = Date.now();
  await sleep(500);
  return { people, before, idle, mute, since, after: usage(service) };
}

const mib = (kib) => `${(kib / 1024).toFixed(1)} MiB`;

async function idleCrowd(service, { people, before, idle, mute, since, after }) {
  ok(`${CROWD} sockets of ${PEOPLE} people are accepted`);
  const each = ((after.resident - before.resident) / CROWD).toFixed(1);
  note(`resident memory: ${mib(before.resident)} without them, ${mib(after.resident)} with them, ${each} KiB each`);
  await until('the idle time', () => Date.now() - since >= IDLE, IDLE + 5000, 200);
  const alive = idle.filter(({ closed }) => !closed).length;
  assert(alive === CROWD, `${CROWD - alive} of ${CROWD} sockets were closed while idle: ${idle.find(({ closed }) => closed)?.closed.code}`);
  const pings = Math.min(...idle.map((socket) => socket.pings));
  assert(pings >= 3, `a socket was pinged ${pings} times only`);
  const pongs = Math.min(...idle.filter((_, number) => number % 2).map((socket) => socket.pongs));
  assert(pongs >= 3, `a socket that asks every 15 s got ${pongs} pongs`);
  const later = usage(service);
  ok(`they all stay open for ${IDLE / 1000} s, are pinged, and are answered when they ping`);
  note(`resident memory after that: ${mib(later.resident)}; processor time: ${(later.seconds - after.seconds).toFixed(1)} s`);
  assert(mute.code === 1006, `a socket that answers no ping: ${mute.code ?? 'still open'}`);
  ok('a socket that answers no ping is dropped');

  // Every second socket listens, for one event and for the end.
  const listeners = idle.filter((_, number) => number % 2).map(({ client }) => new Listener(client));
  const stream = new Listener(sseClient(service, people[0].token));
  for (const [number, person] of people.entries()) {
    await listeners[number * (SOCKETS_EACH / 2)].begin(service, person);
  }
  await stream.begin(service, people[0]);
  await until('every listener hears something', async () => {
    const deaf = people.filter((_, number) =>
      listeners.slice(number * (SOCKETS_EACH / 2), (number + 1) * (SOCKETS_EACH / 2)).some((each) => !each.isHeard),
    );
    for (const { token, session } of deaf) {
      await service.ask(RENAME, { token, variables: { input: { id: session, deviceName: PROBE } } });
    }
    return deaf.length === 0;
  });
  for (const [number, person] of people.entries()) {
    const { session } = await service.login(person);
    for (let i = 0; i < SOCKETS_EACH / 2; i += 1) {
      await listeners[number * (SOCKETS_EACH / 2) + i].next('CREATED', session);
    }
  }
  ok(`${listeners.length} of them listen, and hear of a login each`);
  note(`resident memory with ${listeners.length} subscriptions: ${mib(usage(service).resident)}`);

  const { status, signal, ms } = await service.stop();
  assert(status === 0, `after SIGTERM the status is ${status ?? signal}`);
  assert(ms < 5000, `the service took ${ms} ms to end`);
  await until('every socket is closed', () => idle.every(({ closed }) => closed), 5000);
  const codes = {};
  for (const { closed } of idle) codes[closed.code] = (codes[closed.code] ?? 0) + 1;
  assert(codes[1001] === CROWD, `closed with ${JSON.stringify(codes)}`);
  ok('SIGTERM closes all of them with 1001, and the service ends with status 0');
  note(`it ended ${ms} ms after SIGTERM`);
  const end = await within('the stream ends', stream.ended.then(() => 'completed', (error) => error.name));
  assert(end === 'NetworkError', `the event stream: ${end}`);
  ok('an event stream ends without complete, so that its client connects again');
}

await main(async (start) => {
  const crowded = await start();
  const crowd = await gather(crowded);
  const service = await start();
  await overSockets(service);
  await overEvents(service, '/graphql');
  await overEvents(service, '/graphql/ws');
  await operations(service);
  await refusals(service);
  await closing(service);
  await closingWhileSending(service);
  await manyEnds(service);
  await service.stop();
  await idleCrowd(crowded, crowd);
}, 240_000);
