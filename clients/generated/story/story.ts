// The story that every client tells: somebody registers, logs in, asks who they are and for their sessions.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import words from './words.json';

export interface Person {
  readonly id: string;
  readonly email: string;
  readonly emailVerified: boolean;
  readonly name: string;
  readonly timeZone: string | null;
  readonly roles: readonly string[];
  readonly createdAt: string;
  readonly version: number;
  readonly publicMetadata: unknown;
}

export interface Session {
  readonly id: string;
  readonly deviceName: string | null;
  readonly current: boolean;
  readonly createdAt: string;
}

export interface SessionPage {
  readonly totalCount: number;
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  readonly edges: readonly { readonly cursor: string; readonly node: Session }[];
}

export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly accessTokenExpiresAt: string;
}

export interface Entrance extends Tokens {
  readonly user: Person;
  readonly session: Session;
}

/** What the service says when it refuses something: docs/errors.md. */
export interface Refusal<Code extends string> {
  readonly code: Code;
  readonly status: number;
  readonly requestId: string;
  readonly path: string;
  readonly fields: readonly { readonly field: string; readonly code: string }[];
}

export interface Client<Code extends string> {
  register(input: { email: string; password: string; name: string; deviceName: string }): Promise<Entrance>;
  login(input: { email: string; password: string; deviceName: string }): Promise<Entrance>;
  /** From now on requests are made with these tokens. */
  signIn(tokens: Tokens): void;
  me(): Promise<Person | null>;
  sessions(first: number, after: string | null): Promise<SessionPage>;
  updateProfile(input: { name?: string; timeZone?: string | null }): Promise<Person>;
  /** What the service has said, if it is the service that has refused. */
  refusalOf(error: unknown): Refusal<Code> | null;
}

/** A client whose codes are any string, or lack one that the story meets, is refused by the compiler. */
type Typed<Code extends string> = string extends Code
  ? never
  : 'EMAIL_TAKEN' | 'INVALID_CREDENTIALS' extends Code
    ? Client<Code>
    : never;

const tell = (part: keyof typeof words): void => console.log(`ok - ${words[part]}`);

/** Prints a line that is of this client alone. */
export const tellAlso = (what: string): void => console.log(`also - ${what}`);

export const note = (what: string): void => console.log(`# ${what}`);

/** What must be there in this story, though it need not be in every answer. */
export function need<T>(value: T | null | undefined, what: string): T {
  assert.ok(value !== null && value !== undefined, `there is no ${what}`);
  return value;
}

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

function assertRecent(instant: string): void {
  assert.match(instant, INSTANT);
  assert.ok(Math.abs(Date.now() - Date.parse(instant)) < 60_000, `${instant} is not now`);
}

async function refused<Code extends string>(client: Client<Code>, request: Promise<unknown>): Promise<Refusal<Code>> {
  const error: unknown = await request.then(() => null, (reason: unknown) => reason);
  const refusal = client.refusalOf(error);
  if (refusal === null) throw new Error('it was to be refused', { cause: error });
  assert.match(refusal.requestId, /^req_\w{26}$/);
  return refusal;
}

function assertEntrance(entrance: Entrance, deviceName: string): void {
  assert.match(entrance.accessToken, /^[\w-]+\.[\w-]+\.[\w-]+$/);
  assert.match(entrance.refreshToken, /^vrt_/);
  assert.ok(Date.parse(entrance.accessTokenExpiresAt) > Date.now(), 'the access token has expired already');
  assert.match(entrance.session.id, /^sess_/);
  assert.equal(entrance.session.deviceName, deviceName);
  assert.equal(entrance.session.current, true);
  assertRecent(entrance.session.createdAt);
}

/** Tells the story, and gives back whom it was about: logged in, with two sessions. */
export async function play<Code extends string>(client: Typed<Code>): Promise<Entrance & { password: string }> {
  const secret = randomUUID();
  const email = `story-${secret}@example.com`;
  const password = `correct horse ${secret}`;

  assert.equal(await client.me(), null);
  tell('nobody');

  const registered = await client.register({ email, password, name: 'Ada Lovelace', deviceName: 'first device' });
  const { user } = registered;
  assertEntrance(registered, 'first device');
  assert.match(user.id, /^user_/);
  assertRecent(user.createdAt);
  const expected = {
    email,
    emailVerified: false,
    name: 'Ada Lovelace',
    timeZone: null,
    roles: ['user'],
    version: 1,
    publicMetadata: {},
  };
  assert.deepEqual({ ...user }, { ...expected, id: user.id, createdAt: user.createdAt });
  tell('register');

  const again = client.register({ email, password, name: 'Somebody Else', deviceName: 'first device' });
  const taken = await refused(client, again);
  assert.deepEqual(
    [taken.code, taken.status, taken.path, taken.fields.map(({ field, code }) => `${field} ${code}`)],
    ['EMAIL_TAKEN', 409, 'register', ['input.email TAKEN']],
  );
  tell('taken');

  const wrong = await refused(client, client.login({ email, password: `${password}!`, deviceName: 'second device' }));
  assert.deepEqual(
    [wrong.code, wrong.status, wrong.path, wrong.fields],
    ['INVALID_CREDENTIALS', 401, 'login', []],
  );
  tell('wrong');

  const loggedIn = await client.login({ email: email.toUpperCase(), password, deviceName: 'second device' });
  assertEntrance(loggedIn, 'second device');
  assert.deepEqual({ ...loggedIn.user }, { ...user });
  assert.notEqual(loggedIn.session.id, registered.session.id);
  client.signIn(loggedIn);
  tell('login');

  assert.deepEqual({ ...need(await client.me(), 'person') }, { ...user });
  tell('me');

  const first = await client.sessions(1, null);
  assert.deepEqual(first.edges.map(({ node }) => ({ ...node })), [{ ...loggedIn.session }]);
  assert.deepEqual([first.totalCount, first.pageInfo.hasNextPage], [2, true]);
  const cursor = need(first.pageInfo.endCursor, 'cursor');
  assert.equal(cursor, first.edges[0]?.cursor);
  tell('firstPage');

  const second = await client.sessions(1, cursor);
  assert.deepEqual(second.edges.map(({ node }) => ({ ...node })), [{ ...registered.session, current: false }]);
  assert.deepEqual([second.totalCount, second.pageInfo.hasNextPage], [2, false]);
  assert.notEqual(second.edges[0]?.cursor, cursor);
  tell('secondPage');

  const set = await client.updateProfile({ timeZone: 'Europe/London' });
  assert.deepEqual({ ...set }, { ...user, timeZone: 'Europe/London', version: 2 });
  tell('set');

  const cleared = await client.updateProfile({ name: 'Augusta Ada King', timeZone: null });
  assert.deepEqual({ ...cleared }, { ...user, name: 'Augusta Ada King', timeZone: null, version: 3 });
  tell('clear');

  note(`${user.id} has the sessions ${loggedIn.session.id} and ${registered.session.id}`);
  return { ...loggedIn, password };
}

/** Runs a client against the service at VESTIBULE_URL. Exit status 1: something was not as it is expected. */
export function main(run: (url: string) => Promise<void>): void {
  run(need(process.env['VESTIBULE_URL'], 'VESTIBULE_URL')).catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  });
}
