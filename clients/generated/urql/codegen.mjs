// Generates types and typed documents by plugins of graphql-codegen.

import { join } from 'node:path';

import * as typedDocuments from '@graphql-codegen/typed-document-node';
import * as operations from '@graphql-codegen/typescript-operations';

import { documentsOf, enums, schema, STORY, writeAll } from '../story/schema.mjs';

const here = import.meta.dirname;

await writeAll(join(here, 'generated'), [
  {
    filename: join(here, 'generated/operations.ts'),
    ...schema,
    documents: documentsOf(STORY, join(here, 'operations.graphql')),
    config: {
      scalars: { DateTime: 'string', JSON: 'unknown' },
      strictScalars: true,
      enumType: 'string-literal',
      useTypeImports: true,
    },
    plugins: [{ operations: {} }, { typedDocuments: {} }],
    pluginMap: { operations, typedDocuments },
  },
  enums(join(here, 'generated/enums.ts')),
]);
