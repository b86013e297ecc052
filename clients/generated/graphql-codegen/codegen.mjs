// Generates by the client preset of graphql-codegen. The preset is run by its own core: the command-line program
// wants a newer Node than the project does. A `codegen.ts` for it has the same `config` and `presetConfig`.

import { join } from 'node:path';

import { preset } from '@graphql-codegen/client-preset';

import { documentsOf, enums, schema, STORY, writeAll } from '../story/schema.mjs';

const folder = `${join(import.meta.dirname, 'generated')}/`;

const parts = await preset.buildGeneratesSection({
  baseOutputDir: folder,
  ...schema,
  documents: documentsOf(STORY),
  config: {
    scalars: { DateTime: 'string', JSON: 'unknown' },
    strictScalars: true,
    enumType: 'string-literal',
    useTypeImports: true,
    documentMode: 'string',
  },
  presetConfig: { fragmentMasking: { unmaskFunctionName: 'read' } },
  plugins: [],
  pluginMap: {},
  pluginContext: {},
  documentTransforms: [],
});
await writeAll(folder, [...parts, enums(join(folder, 'enums.ts'))]);
