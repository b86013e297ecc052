// Refuses a change of the schemas that breaks clients, unless the change log announces it. README.md says how.
//
//   node diff.mjs              compares with the baseline, which is the schema of the last release
//   node diff.mjs --base REV   compares with a revision of git
//   node diff.mjs --accept     makes the schemas of now the baseline, where the first of these is content
//
// Ends with 0, with 1 where a breaking change is not announced, and with 2 where nothing could be compared.

import { execFileSync } from 'node:child_process';
import { readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ChangeType, CriticalityLevel, diff } from '@graphql-inspector/core';
import { buildSchema, isRequiredArgument, isRequiredInputField } from 'graphql';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BASELINE = 'scripts/schema/baseline';
const CHANGELOG = 'CHANGELOG.md';

/** The schemas, and under which heading of "Unreleased" their breaking changes are announced. */
const SCHEMAS = { 'schema.graphql': 'Breaking', 'schema.admin.graphql': 'Breaking in administration' };

/** What breaks clients and what may, each with its coordinate, from one schema definition to another. */
async function compare(before, after) {
  const changes = await diff(buildSchema(before), buildSchema(after), [withoutDefault]);
  const of = (level) =>
    changes
      .filter((change) => change.criticality.level === level)
      .map(({ path, type, message }) => ({ coordinate: coordinate(path), level, type, message }));
  return {
    breaking: of(CriticalityLevel.Breaking),
    dangerous: of(CriticalityLevel.Dangerous),
    harmless: changes.filter((change) => change.criticality.level === CriticalityLevel.NonBreaking).length,
  };
}

/** The coordinates that are announced under a heading of "Unreleased": items that begin with one, and say something. */
function announced(changelog, heading) {
  const unreleased = section(changelog, '## ', (title) => /^\[?unreleased\]?$/i.test(title));
  const lines = section(unreleased.join('\n'), '### ', (title) => title === heading);
  return new Set(lines.map((line) => /^- `([^`]+)`[:,;]?\s+\S/.exec(line)?.[1]).filter(Boolean));
}

/** The lines under the first heading of a level whose title fits, up to the next one of it. */
function section(text, mark, fits) {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => line.startsWith(mark) && fits(line.slice(mark.length).trim()));
  if (start < 0) return [];
  const end = lines.findIndex((line, at) => at > start && line.startsWith(mark));
  return lines.slice(start + 1, end < 0 ? undefined : end);
}

/**
 * A rule of the inspector. For it a default that is gone changes what happens; where it made something optional that is
 * required now, documents without it are no longer valid.
 */
function withoutDefault({ changes, newSchema }) {
  return changes.map((change) => {
    const { typeName, fieldName, argumentName, inputName, inputFieldName } = change.meta ?? {};
    let required = false;
    if (change.type === ChangeType.FieldArgumentDefaultChanged) {
      const { args } = newSchema.getType(typeName).getFields()[fieldName];
      required = isRequiredArgument(args.find((argument) => argument.name === argumentName));
    } else if (change.type === ChangeType.InputFieldDefaultValueChanged) {
      required = isRequiredInputField(newSchema.getType(inputName).getFields()[inputFieldName]);
    }
    if (!required) return change;
    return { ...change, criticality: { ...change.criticality, level: CriticalityLevel.Breaking } };
  });
}

/** The path of a change as a schema coordinate, `Type.field(argument:)` or `@directive(argument:)`. */
function coordinate(path) {
  // What follows is a directive that stands at the element.
  const bare = path?.replace(/\.@.*/, '');
  // A root operation that is gone, or has another type, has no path.
  if (!bare) return 'schema';
  if (bare.startsWith('@')) {
    const [directive, argument] = bare.split('.');
    return argument ? `${directive}(${argument}:)` : directive;
  }
  const [type, field, argument] = bare.split('.');
  if (argument) return `${type}.${field}(${argument}:)`;
  return field ? `${type}.${field}` : type;
}

/** Whatever keeps a comparison from being made. */
class Unusable extends Error {}

function read(root, path) {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch (error) {
    throw new Unusable(`${path} cannot be read: ${error.code}`);
  }
}

/** What a file was in a revision. */
function readAt(root, revision, path) {
  try {
    const options = { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] };
    return execFileSync('git', ['show', '--end-of-options', `${revision}:${path}`], options);
  } catch (error) {
    throw new Unusable(`${path} cannot be read in ${revision}: ${(error.stderr || error.message).trim()}`);
  }
}

/** Prints what has changed in one schema, and answers whether it may. */
async function judge(file, { before, after, base, announcements, print }) {
  const changes = await compare(before, after).catch((error) => {
    throw new Unusable(`${file} cannot be compared: ${error.message}`);
  });
  const { breaking, dangerous, harmless } = changes;
  print(`${file}: ${breaking.length} breaking, ${dangerous.length} dangerous, ${harmless} other changes since ${base}`);
  const tell = (verdict, { level, type, coordinate, message }) =>
    print(`  ${verdict}: ${level} ${type} at ${coordinate}: ${message}`);
  const refused = new Set();
  for (const change of breaking) {
    const isAnnounced = announcements.has(change.coordinate);
    tell(isAnnounced ? 'announced' : 'REFUSED', change);
    if (!isAnnounced) refused.add(change.coordinate);
  }
  for (const change of dangerous) tell('noted', change);
  if (refused.size > 0) {
    print(`  Announce them under "### ${SCHEMAS[file]}" of "Unreleased" in ${CHANGELOG}, each in an item of its own:`);
    for (const where of refused) print(`    - \`${where}\`: what clients have to do`);
  }
  return refused.size === 0;
}

async function main(parameters, print) {
  const options = { accept: { type: 'boolean' }, base: { type: 'string' }, root: { type: 'string', default: ROOT } };
  let values;
  try {
    ({ values } = parseArgs({ args: parameters, options }));
  } catch (error) {
    throw new Unusable(error.message);
  }
  const { accept, base, root } = values;
  if (accept && base) throw new Unusable('--accept renews the baseline, which has nothing to do with --base');
  const changelog = read(root, CHANGELOG);
  const now = {};
  let isFine = true;
  for (const [file, heading] of Object.entries(SCHEMAS)) {
    now[file] = read(root, file);
    const before = base ? readAt(root, base, file) : read(root, join(BASELINE, file));
    const announcements = announced(changelog, heading);
    const mayBe = await judge(file, { before, after: now[file], base: base ?? 'the baseline', announcements, print });
    isFine &&= mayBe;
  }
  if (accept && isFine) {
    for (const [file, sdl] of Object.entries(now)) writeFileSync(join(root, BASELINE, file), sdl);
    print(`${BASELINE} has the schemas of now`);
  }
  return isFine ? 0 : 1;
}

/** What the command line asks for; answers the status to end with. */
export async function run(parameters, print) {
  try {
    return await main(parameters, print);
  } catch (error) {
    if (!(error instanceof Unusable)) throw error;
    print(error.message);
    return 2;
  }
}

// Links are followed, or the program would do nothing behind one, and end with 0.
if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = await run(process.argv.slice(2), console.log);
}
