// Starts the service for the scripts beside this file:
//
// VESTIBULE_BIN        the program (required)
// VESTIBULE_TEST_LOGS  a folder for what services write, which somebody looks through for secrets
//
// Each service has a temporary folder, a free port of 127.0.0.1 and the settings given here, none of the
// caller's. Only what was started here is ended.

import { spawn } from 'node:child_process';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { assert, redact, sleep, within } from './checks.mjs';

const STARTUP = 30_000;
const REQUEST = 20_000;
const LOG_LINES = 15;

/** Services that may still run, and folders to remove. */
const running = new Set();
const folders = new Set();

/** A folder that is removed at the end. */
export function newFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'vestibule-e2e.'));
  folders.add(folder);
  return folder;
}

export function freePort() {
  return new Promise((done, fail) => {
    const server = createServer();
    server.once('error', fail);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

/** Keeps what a service writes, where the run of all tests looks for what must not be in it. */
function keep(pid, text) {
  const logs = process.env.VESTIBULE_TEST_LOGS;
  if (logs) appendFileSync(join(logs, `e2e-${process.pid}-${pid}.log`), text);
}

function launch(args, folder, settings) {
  const child = spawn(resolve(process.env.VESTIBULE_BIN), args, {
    cwd: folder,
    env: settings,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8').on('data', (text) => {
      output[name] = (output[name] + text).slice(-100_000);
      if (args[0] === 'serve') keep(child.pid, text);
    });
  }
  running.add(child);
  const ended = new Promise((done, fail) => {
    child.once('error', fail);
    child.once('close', (status, signal) => {
      running.delete(child);
      done({ status, signal, ...output });
    });
  });
  ended.catch(() => running.delete(child));
  return { child, output, ended };
}

/** Runs the program to its end: `{ status, stdout, stderr }`. */
export async function runProgram(args, folder, settings) {
  const { child, ended } = launch(args, folder, { BCRYPT_COST: '4', ...settings });
  try {
    return await within(`vestibule ${args.join(' ')} ends`, ended, STARTUP);
  } finally {
    child.kill('SIGKILL');
  }
}

/** A running service. */
export class Service {
  /** Starts one; `port` and `folder` are those of an earlier one that is to come back. */
  static async start(settings = {}, { port, folder = newFolder() } = {}) {
    // Another process may take a port that was free: then there is a second and a third try.
    for (let attempt = 1; ; attempt += 1) {
      const service = new Service(port ?? (await freePort()), folder, settings);
      if (await service.#isReady()) return service;
      const { status, stderr } = await service.process.ended;
      if (attempt === 3 || !/cannot listen/.test(stderr)) {
        throw new Error(`the service ended with status ${status}:\n${stderr}`);
      }
    }
  }

  constructor(port, folder, settings) {
    Object.assign(this, { port, folder });
    this.url = `http://127.0.0.1:${port}`;
    this.settings = {
      BIND_ADDR: `127.0.0.1:${port}`,
      PUBLIC_URL: this.url,
      BCRYPT_COST: '4',
      RATE_LIMITS: settings.APP_ENV === 'production' ? '' : 'off',
      DATABASE_URL: 'sqlite://data/v.sqlite',
      ...settings,
    };
    this.process = launch(['serve'], folder, this.settings);
  }

  get pid() {
    return this.process.child.pid;
  }

  get #lives() {
    return running.has(this.process.child);
  }

  async #isReady() {
    const end = Date.now() + STARTUP;
    while (this.#lives) {
      const answer = await fetch(`${this.url}/health/ready`).catch(() => null);
      await answer?.arrayBuffer().catch(() => {});
      // The answer counts only from a service that is still ours.
      if (answer?.ok && this.#lives) return true;
      assert(Date.now() < end, `the service is not ready within ${STARTUP} ms`);
      await sleep(50);
    }
    return false;
  }

  /** Runs another command of the program with the settings and in the folder of the service. */
  async command(...args) {
    const { status, stdout, stderr } = await runProgram(args, this.folder, this.settings);
    assert(status === 0, `vestibule ${args.join(' ')} ended with status ${status}:\n${stderr}`);
    return stdout.trim();
  }

  async json(path) {
    const answer = await fetch(`${this.url}${path}`, { signal: AbortSignal.timeout(REQUEST) });
    assert(answer.ok, `GET ${path} answers ${answer.status}`);
    return { body: await answer.json(), headers: answer.headers };
  }

  /** The whole answer to an operation. */
  async answer(query, { token, variables } = {}) {
    const answer = await fetch(`${this.url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json, application/json',
        ...(token && { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({ query, variables }),
      signal: AbortSignal.timeout(REQUEST),
    });
    return answer.json();
  }

  /** The data of an operation that must succeed. */
  async ask(query, options) {
    const { data, errors } = await this.answer(query, options);
    assert(!errors, `${query} failed: ${JSON.stringify(errors)}`);
    return data;
  }

  /** Registers somebody new, `more` being further input: `{ id, email, password, token, session }`. */
  async register(more = {}) {
    const unique = `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 10)}`;
    const person = { email: `person-${unique}@example.com`, password: `correct horse ${unique}` };
    const { register } = await this.ask(
      'mutation ($input: RegisterInput!) { register(input: $input) { user { id } session { id } accessToken } }',
      { variables: { input: { ...person, name: 'Ada Lovelace', ...more } } },
    );
    return { ...person, id: register.user.id, session: register.session.id, token: register.accessToken };
  }

  /** Logs somebody in: `{ token, session }`. */
  async login({ email, password }, deviceName = null) {
    const { login } = await this.ask(
      'mutation ($input: LoginInput!) { login(input: $input) { session { id } accessToken } }',
      { variables: { input: { email, password, deviceName } } },
    );
    return { session: login.session.id, token: login.accessToken };
  }

  /** Asks the service to end; tells how it did, and after how many milliseconds. */
  async stop(ms = 20_000) {
    const started = Date.now();
    this.process.child.kill('SIGTERM');
    const { status, signal } = await within('the service ends after SIGTERM', this.process.ended, ms);
    return { status, signal, ms: Date.now() - started };
  }

  /** The last lines that the service wrote. */
  log() {
    return this.process.output.stderr.trimEnd().split('\n').slice(-LOG_LINES).join('\n');
  }
}

/** Ends what still runs, whatever happened. */
function cleanUp() {
  for (const child of running) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}

/** Runs a script of checks, `ms` at most, and ends the process with its verdict. */
export async function main(play, ms) {
  process.once('exit', cleanUp);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));
  let status = 0;
  const services = [];
  const start = async (...args) => {
    const service = await Service.start(...args);
    services.push(service);
    return service;
  };
  try {
    assert(process.env.VESTIBULE_BIN, 'VESTIBULE_BIN is not set');
    await within('all checks', play(start), ms);
  } catch (error) {
    status = 1;
    console.error(`not ok - ${redact(error.stack ?? String(error))}`);
    for (const service of services) {
      console.error(`-- end of the log of ${service.url}\n${redact(service.log(), 4000)}`);
    }
  }
  process.exit(status);
}
