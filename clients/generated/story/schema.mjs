// What the generators are given: the checked-in schema, and documents.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { codegen } from '@graphql-codegen/core';
import * as typescript from '@graphql-codegen/typescript';
import { buildSchema, parse, validate } from 'graphql';

const here = import.meta.dirname;
const sdl = readFileSync(join(here, '../../../schema.graphql'), 'utf8');

/** In the forms that graphql-codegen wants it in. */
export const schema = { schema: parse(sdl), schemaAst: buildSchema(sdl) };

/** Documents of files, checked against the schema. */
export function documentsOf(...files) {
  const documents = files.map((file) => {
    const rawSDL = readFileSync(file, 'utf8');
    return { location: basename(file), rawSDL, document: parse(rawSDL) };
  });
  const whole = { kind: 'Document', definitions: documents.flatMap(({ document }) => document.definitions) };
  const problems = validate(schema.schemaAst, whole);
  if (problems.length > 0) throw new Error(`${files} do not fit the schema:\n${problems.join('\n')}`);
  return documents;
}

/** The documents of the story. */
export const STORY = join(here, 'operations.graphql');

/** Empties the folder and writes into it: `{ filename, … }` as graphql-codegen takes them. */
export async function writeAll(folder, parts) {
  rmSync(folder, { recursive: true, force: true });
  for (const part of parts) {
    mkdirSync(dirname(part.filename), { recursive: true });
    writeFileSync(part.filename, await codegen(part));
  }
}

/**
 * The enums of the schema, as constants. No operation answers with an error code, so generators that take only what
 * operations use leave `ErrorCode` and `UnauthenticatedReason` out.
 */
export function enums(filename) {
  return {
    filename,
    ...schema,
    documents: [],
    config: { onlyEnums: true, enumsAsConst: true },
    plugins: [{ typescript: {} }],
    pluginMap: { typescript },
  };
}
