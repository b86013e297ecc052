// Types the operations of the console from the checked-in schemas, by the client preset of graphql-codegen:
//
//   npm run codegen
//
// The preset is run by its own core: the command-line program would bring three hundred packages more.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

import { preset } from '@graphql-codegen/client-preset';
import { codegen } from '@graphql-codegen/core';
import { buildSchema, parse, validate } from 'graphql';

const here = import.meta.dirname;

/** What is sent to which schema, and where its types go. */
const SCHEMAS = [
  { sdl: '../schema.graphql', operations: 'src/console/operations', output: 'src/console/gql' },
  { sdl: '../schema.admin.graphql', operations: 'src/console/admin/operations', output: 'src/console/admin/gql' },
];

/** The index is left out: it leads to a table of all documents, which no bundler can take apart. */
const UNUSED = new Set(['index.ts', 'gql.ts']);

const config = {
  scalars: { DateTime: 'string', JSON: 'unknown' },
  strictScalars: true,
  enumType: 'string-literal',
  useTypeImports: true,
};

function documentsOf(folder) {
  const names = readdirSync(folder).filter((name) => name.endsWith('.graphql'));
  return names.sort().map((name) => {
    const location = join(folder, name);
    const rawSDL = readFileSync(location, 'utf8');
    return { location: basename(location), rawSDL, document: parse(rawSDL) };
  });
}

/** Fragments may stand in another file than the operations that use them. */
function assertValid(schema, documents, folder) {
  const whole = { kind: 'Document', definitions: documents.flatMap(({ document }) => document.definitions) };
  const problems = validate(schema, whole);
  if (problems.length > 0) throw new Error(`${folder} does not fit the schema:\n${problems.join('\n')}`);
}

async function generate({ sdl, operations, output }) {
  const text = readFileSync(join(here, sdl), 'utf8');
  const schema = buildSchema(text);
  const documents = documentsOf(join(here, operations));
  assertValid(schema, documents, operations);
  const folder = `${join(here, output)}/`;
  const parts = await preset.buildGeneratesSection({
    baseOutputDir: folder,
    schema: parse(text),
    schemaAst: schema,
    documents,
    config,
    presetConfig: { fragmentMasking: false },
    plugins: [],
    pluginMap: {},
    pluginContext: {},
    documentTransforms: [],
  });
  mkdirSync(folder, { recursive: true });
  for (const part of parts) {
    if (UNUSED.has(basename(part.filename))) continue;
    writeFileSync(part.filename, await codegen(part));
  }
}

for (const one of SCHEMAS) await generate(one);
