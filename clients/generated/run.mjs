// Generates, compiles and runs one of the clients, or all of them, each against a service of its own:
//
//   VESTIBULE_BIN=../../target/debug/vestibule node run.mjs [graphql-codegen | relay | urql | python | all]
//
// VESTIBULE_BIN  the program (required)
// VENVS          the folder for Python's virtual environment; else target/venvs of the repository
//
// Installs what is missing. Prints an "ok" line for each check and the time of each step. Exit code 0: all
// passed, 1: something did not.

import { spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { assert, note, ok, within } from '../../web/e2e/checks.mjs';
import { main } from '../../web/e2e/service.mjs';

const here = import.meta.dirname;
const root = join(here, '../..');
const WORDS = Object.values(JSON.parse(readFileSync(join(here, 'story/words.json'), 'utf8')));

const INSTALL = 300_000;
const STEP = 120_000;

const seconds = (started) => `${((performance.now() - started) / 1000).toFixed(1)} s`;

const venv = join(process.env.VENVS || join(root, 'target/venvs'), 'generated-clients');
const tool = (name) => join(here, 'node_modules/.bin', name);
const python = (name) => join(venv, 'bin', name);

/** In Python every class has a `register`, which the answer to the mutation of that name hides; no other does so. */
const SHADOW = 'ignore:Field name "register" in "Register" shadows:UserWarning';

/** What is done for each: `[step, program, arguments]` in its folder; the last step tells the story. */
const CLIENTS = {
  'graphql-codegen': [
    ['generate', 'node', 'codegen.mjs'],
    ['compile', tool('tsc'), '-p', '.'],
    ['run', 'node', 'out/graphql-codegen/main.js'],
  ],
  relay: [
    ['generate', tool('relay-compiler'), '--noWatchman'],
    ['generate enums', 'node', 'codegen.mjs'],
    ['compile', tool('tsc'), '-p', '.'],
    ['transform', 'node', 'transform.mjs'],
    ['run', 'node', 'out/relay/main.js'],
  ],
  urql: [
    ['generate', 'node', 'codegen.mjs'],
    ['compile', tool('tsc'), '-p', '.'],
    ['run', 'node', 'out/urql/main.js'],
  ],
  python: [
    ['clean', 'rm', '-rf', 'vestibule_client'],
    ['generate', python('ariadne-codegen')],
    ['compile', python('mypy'), '.'],
    ['run', python('python'), '-W', 'error', '-W', SHADOW, 'main.py'],
  ],
};

/** So short a life makes a client refresh. */
const SETTINGS = { urql: { ACCESS_TOKEN_TTL: '2s' } };

/** Programs that may still run, each in a process group of its own, which ends with it. */
const running = new Set();

function end(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

process.once('exit', () => running.forEach(end));

/** Runs a program to its end, which must be good and in time: what it wrote. */
async function run(what, [program, ...args], { cwd, env = {}, ms = STEP }) {
  const started = performance.now();
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8').on('data', (text) => {
      output[name] += text;
    });
  }
  running.add(child);
  const ended = new Promise((done, fail) => {
    child.once('error', fail);
    child.once('close', (status, signal) => done(status ?? signal));
  });
  try {
    const status = await within(what, ended, ms);
    assert(status === 0, `${what} ended with ${status}:\n${output.stdout}${output.stderr}`);
  } finally {
    end(child);
    running.delete(child);
  }
  note(`${what}: ${seconds(started)}`);
  return output;
}

async function installPackages() {
  const installed = join(here, 'node_modules/.package-lock.json');
  const lock = join(here, 'package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  await run('npm ci', ['npm', 'ci', '--no-audit', '--no-fund'], { cwd: here, ms: INSTALL });
}

/** The story of one client: every word of it, in order, and nothing on the standard error. */
function hear(name, { stdout, stderr }) {
  const lines = stdout.split('\n');
  const told = (mark) => lines.filter((line) => line.startsWith(mark)).map((line) => line.slice(mark.length));
  for (const what of [...told('ok - '), ...told('also - ')]) ok(`${name}: ${what}`);
  for (const what of told('# ')) note(`${name}: ${what}`);
  assert(told('ok - ').join('\n') === WORDS.join('\n'), `${name} tells another story:\n${stdout}`);
  assert(stderr === '', `${name} writes to the standard error:\n${stderr}`);
}

async function play(name, start) {
  const started = performance.now();
  const cwd = join(here, name);
  const service = await start(SETTINGS[name]);
  for (const [step, ...command] of CLIENTS[name]) {
    const output = await run(`${name}: ${step}`, command, { cwd, env: { VESTIBULE_URL: service.url } });
    if (step === 'run') hear(name, output);
  }
  await service.stop();
  note(`${name}: ${seconds(started)} in all`);
}

await main(async (start) => {
  const [name = 'all'] = process.argv.slice(2);
  const known = Object.keys(CLIENTS);
  assert(name === 'all' || known.includes(name), `there is no ${name}; there are ${known.join(', ')} and all`);
  const names = name === 'all' ? known : [name];
  if (names.some((one) => one !== 'python')) await installPackages();
  if (names.includes('python')) {
    await run('virtual environment', ['bash', join(here, 'python/install.sh'), venv], { cwd: here, ms: INSTALL });
  }
  for (const one of names) await play(one, start);
}, 2 * INSTALL + 300_000);
