// Compresses what was built: the program keeps and sends these files as they are then. Pages and
// lists stay as they are, since the server reads them itself. A file that gains nothing stays, too.

import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { constants, gzipSync } from 'node:zlib';

/** In bytes: a smaller file is one packet anyway. */
const LEAST = 1024;
let [before, after] = [0, 0];

for (const folder of ['dist', 'dist-console']) {
  const dist = join(import.meta.dirname, folder);
  if (!existsSync(dist)) continue;
  for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || /\.(gz|html|json)$/.test(entry.name)) continue;
    const path = join(entry.parentPath, entry.name);
    const plain = readFileSync(path);
    const compressed = gzipSync(plain, { level: constants.Z_BEST_COMPRESSION });
    const isSmaller = plain.length > LEAST && compressed.length < 0.9 * plain.length;
    before += plain.length;
    after += isSmaller ? compressed.length : plain.length;
    if (!isSmaller) continue;
    writeFileSync(`${path}.gz`, compressed);
    rmSync(path);
  }
}
console.log(`compressed: ${(before / 1e6).toFixed(1)} MB are ${(after / 1e6).toFixed(1)} MB`);
