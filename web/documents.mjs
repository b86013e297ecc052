// Writes dist-console/documents.json: the texts of all operations that the console sends to /graphql, as it sends
// them, for services that execute nothing else (TRUSTED_DOCUMENTS). Those of administration are not in it: that
// endpoint has no such list.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { addTypenameToDocument } from '@apollo/client/utilities';
import { print } from 'graphql';
import { runnerImport } from 'vite';

const here = import.meta.dirname;
/** What a module exports. */
const load = async (path) => (await runnerImport(join(here, path), { logLevel: 'error' })).module;

const own = Object.entries(await load('src/console/gql/graphql.ts'))
  .filter(([name, value]) => name.endsWith('Document') && value.definitions)
  .map(([, document]) => print(addTypenameToDocument(document)));
// What the link sends by itself.
const { documents } = await load('../clients/apollo-link/src/documents.ts');
const all = [...own, ...Object.values(documents)].sort();
writeFileSync(join(here, 'dist-console/documents.json'), `${JSON.stringify(all, null, 2)}\n`);
