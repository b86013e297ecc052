// Generates the error codes, which Relay's compiler leaves out: no operation answers with one.

import { join } from 'node:path';

import { enums, writeAll } from '../story/schema.mjs';

const folder = join(import.meta.dirname, 'generated');

await writeAll(folder, [enums(join(folder, 'enums.ts'))]);
