import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { run as runDiff } from './diff.mjs';

const PROGRAM = fileURLToPath(new URL('diff.mjs', import.meta.url));
const BASELINE = 'scripts/schema/baseline';

const BEFORE = `
  type Query { person(id: ID!, size: Int): Person  find(filter: Filter! = {}): Person }
  type Person { name: String!  nickname: String  mood: Mood }
  input Filter { nickname: String  mood: Mood! = GOOD }
  enum Mood { GOOD }
`;
const WITHOUT_NICKNAME = BEFORE.replace('  nickname: String  mood: Mood }', '  mood: Mood }');

const folders = [];
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })));

/** A repository with a baseline, schemas and a change log. Only one of the schemas changes. */
function repository({ before = BEFORE, after = BEFORE, changelog = '## [Unreleased]\n', file = 'schema.graphql' }) {
  const root = mkdtempSync(join(tmpdir(), 'schema-diff-'));
  folders.push(root);
  mkdirSync(join(root, BASELINE), { recursive: true });
  for (const name of ['schema.graphql', 'schema.admin.graphql']) {
    writeFileSync(join(root, BASELINE, name), before);
    writeFileSync(join(root, name), name === file ? after : before);
  }
  writeFileSync(join(root, 'CHANGELOG.md'), `# Changelog\n\n${changelog}`);
  return root;
}

async function run(root, ...parameters) {
  const lines = [];
  const status = await runDiff(['--root', root, ...parameters], (line) => lines.push(line));
  return { status, text: lines.join('\n') };
}

/** The outcome of a change, by a baseline. */
const outcome = (change) => run(repository(change));

/** A change log with these lines under a heading of "Unreleased". */
const unreleased = (lines, heading = '### Breaking') =>
  `## [Unreleased]\n\n### Added\n\n- A thing.\n\n${heading}\n\n${lines}\n`;

test('nothing has changed', async () => {
  assert.equal((await outcome({})).status, 0);
});

test('a field that is removed is refused, by name', async () => {
  const { status, text } = await outcome({ after: WITHOUT_NICKNAME });
  assert.equal(status, 1);
  assert.match(text, /REFUSED: BREAKING FIELD_REMOVED at Person\.nickname: /);
  assert.match(text, /- `Person\.nickname`: what clients have to do/);
});

test('a field that is removed is accepted with a line of the change log', async () => {
  const changelog = unreleased('- `Person.nickname` is gone: ask for `name`.');
  const { status, text } = await outcome({ after: WITHOUT_NICKNAME, changelog });
  assert.equal(status, 0);
  assert.match(text, /announced: BREAKING FIELD_REMOVED at Person\.nickname: /);
});

test('the line that is proposed is one that counts', async () => {
  const after = BEFORE.replace('size: Int', 'size: Int!').replace('enum Mood', 'directive @d on FIELD enum Mood');
  const [line] = /- `.*/.exec((await outcome({ after })).text);
  assert.equal((await outcome({ after, changelog: unreleased(line) })).status, 0);
});

for (const [what, changelog] of Object.entries({
  'of another field': unreleased('- `Person.name` is gone: ask for `nickname`.'),
  'of the type': unreleased('- `Person` has a field less.'),
  'in passing': unreleased('- `Person.name` is better than `Person.nickname`.'),
  'without a word about what to do': unreleased('- `Person.nickname`'),
  'under another heading': unreleased('- `Person.nickname` is gone.', '### Removed'),
  'that is about the other schema': unreleased('- `Person.nickname` is gone.', '### Breaking in administration'),
  'of an older release': '## [Unreleased]\n\n- A thing.\n\n## [1.0.0]\n\n### Breaking\n\n- `Person.nickname` is gone.\n',
  'of a release where nothing is unreleased': '## [1.0.0]\n\n### Breaking\n\n- `Person.nickname` is gone.\n',
})) {
  test(`a mention ${what} does not help`, async () => {
    assert.equal((await outcome({ after: WITHOUT_NICKNAME, changelog })).status, 1);
  });
}

test('the schema of administration has a heading of its own', async () => {
  const change = { after: WITHOUT_NICKNAME, file: 'schema.admin.graphql' };
  const line = '- `Person.nickname` is gone.';
  assert.equal((await outcome(change)).status, 1);
  assert.equal((await outcome({ ...change, changelog: unreleased(line) })).status, 1);
  assert.equal((await outcome({ ...change, changelog: unreleased(line, '### Breaking in administration') })).status, 0);
});

for (const [what, [from, to, where]] of Object.entries({
  'a field of an input that must not be null any more': [
    'nickname: String  mood: Mood!',
    'nickname: String!  mood: Mood!',
    'Filter.nickname',
  ],
  'a field of an input that loses its default and must be given': ['Mood! = GOOD', 'Mood!', 'Filter.mood'],
  'a new field of an input that must be given': ['input Filter {', 'input Filter { age: Int!', 'Filter.age'],
  'an argument that must be given from now on': ['size: Int', 'size: Int!', 'Query.person(size:)'],
  'an argument that loses its default and must be given': ['Filter! = {}', 'Filter!', 'Query.find(filter:)'],
  'a new argument that must be given': ['size: Int', 'size: Int, age: Int!', 'Query.person(age:)'],
  'an argument that is removed': [', size: Int', '', 'Query.person(size:)'],
  'a field that may be null from now on': ['name: String!', 'name: String', 'Person.name'],
  'a value of an enum that is removed': ['{ GOOD }', '{ BAD }', 'Mood.GOOD'],
})) {
  test(`${what} is refused`, async () => {
    const after = BEFORE.replace(from, to);
    assert.notEqual(after, BEFORE);
    const { status, text } = await outcome({ after });
    assert.equal(status, 1);
    assert.ok(text.includes(`- \`${where}\`:`), text);
  });
}

test('a root type that is removed is refused', async () => {
  const { status, text } = await outcome({ before: `${BEFORE} type Mutation { a: Int }`, after: BEFORE });
  assert.equal(status, 1);
  assert.match(text, /REFUSED: BREAKING SCHEMA_MUTATION_TYPE_CHANGED at schema: /);
});

test('an argument of a directive that is removed is refused', async () => {
  const before = `${BEFORE} directive @shout(times: Int) on FIELD`;
  const { status, text } = await outcome({ before, after: before.replace('(times: Int)', '') });
  assert.equal(status, 1);
  assert.match(text, /REFUSED: BREAKING DIRECTIVE_ARGUMENT_REMOVED at @shout\(times:\): /);
});

test('an argument that need not be given is accepted', async () => {
  const { status, text } = await outcome({ after: BEFORE.replace('size: Int', 'size: Int, age: Int') });
  assert.equal(status, 0);
  assert.doesNotMatch(text, /REFUSED/);
});

test('a new field is accepted', async () => {
  assert.equal((await outcome({ after: BEFORE.replace('name: String!', 'name: String! age: Int') })).status, 0);
});

test('a new value of an enum is told, as dangerous', async () => {
  const { status, text } = await outcome({ after: BEFORE.replace('{ GOOD }', '{ GOOD BAD }') });
  assert.equal(status, 0);
  assert.match(text, /noted: DANGEROUS ENUM_VALUE_ADDED at Mood\.BAD: /);
});

test('a default that is another one is told, as dangerous', async () => {
  const { status, text } = await outcome({ after: BEFORE.replace('Filter! = {}', 'Filter! = { nickname: "a" }') });
  assert.equal(status, 0);
  assert.match(text, /noted: DANGEROUS FIELD_ARGUMENT_DEFAULT_CHANGED at Query\.find\(filter:\): /);
});

test('the baseline is renewed', async () => {
  const changed = BEFORE.replace('{ GOOD }', '{ GOOD BAD }');
  const root = repository({ after: changed });
  assert.equal((await run(root, '--accept')).status, 0);
  assert.equal(readFileSync(join(root, BASELINE, 'schema.graphql'), 'utf8'), changed);
  assert.match((await run(root)).text, /schema\.graphql: 0 breaking, 0 dangerous, 0 other changes/);
});

test('the baseline is not renewed with a breaking change that nothing announces', async () => {
  // The other schema may change: still nothing is renewed.
  const root = repository({ after: WITHOUT_NICKNAME });
  const other = BEFORE.replace('{ GOOD }', '{ GOOD BAD }');
  writeFileSync(join(root, 'schema.admin.graphql'), other);
  assert.equal((await run(root, '--accept')).status, 1);
  for (const file of ['schema.graphql', 'schema.admin.graphql']) {
    assert.equal(readFileSync(join(root, BASELINE, file), 'utf8'), BEFORE);
  }
});

test('a revision of git can be the base', async () => {
  const root = repository({ after: WITHOUT_NICKNAME });
  const git = (...parameters) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...parameters], {
      cwd: root,
      stdio: 'pipe',
    });
  git('init', '--quiet');
  git('add', '.');
  git('commit', '--quiet', '--no-verify', '--no-gpg-sign', '-m', 'all');
  assert.equal((await run(root)).status, 1);
  assert.equal((await run(root, '--base', 'HEAD')).status, 0);
  writeFileSync(join(root, 'schema.graphql'), WITHOUT_NICKNAME.replace('name: String!', ''));
  assert.match((await run(root, '--base', 'HEAD')).text, /1 breaking.* since HEAD[^]*REFUSED: .* at Person\.name: /);
});

test('what cannot be compared is a failure', async () => {
  const root = repository({});
  assert.equal((await run(root, '--base', 'nowhere')).status, 2);
  assert.equal((await run(root, '--nonsense')).status, 2);
  assert.match((await run(root, '--accept', '--base', 'HEAD')).text, /--accept renews/);
  writeFileSync(join(root, 'schema.graphql'), 'type Query {');
  assert.match((await run(root)).text, /schema\.graphql cannot be compared: Syntax Error/);
  assert.equal((await run(root)).status, 2);
  rmSync(join(root, BASELINE, 'schema.graphql'));
  assert.match((await run(root)).text, /baseline\/schema\.graphql cannot be read: ENOENT/);
  assert.equal((await run(root)).status, 2);
});

test('the program ends with what it has found', () => {
  const end = (...parameters) => spawnSync(process.execPath, [PROGRAM, ...parameters], { stdio: 'ignore' }).status;
  const root = repository({ after: WITHOUT_NICKNAME });
  assert.equal(end('--root', root), 1);
  writeFileSync(join(root, 'schema.graphql'), BEFORE);
  assert.equal(end('--root', root), 0);
  assert.equal(end('--nonsense'), 2);
  const link = join(root, 'link.mjs');
  symlinkSync(PROGRAM, link);
  assert.equal(spawnSync(process.execPath, [link, '--nonsense']).status, 2);
});
