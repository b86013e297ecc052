// Packs what was built: the program keeps and sends these files compressed. Pages stay as they are, since they are
// read by the server. A file that gains nothing stays, too.

import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { constants, gzipSync } from 'node:zlib';

/** In bytes: a smaller file is one packet anyway. */
const LEAST = 1024;
let [before, after] = [0, 0];

for (const folder of ['dist', 'dist-console']) {
  const dist = join(import.meta.dirname, folder);
  for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || /\.(gz|html)$/.test(entry.name)) continue;
    const path = join(entry.parentPath, entry.name);
    const plain = readFileSync(path);
    const packed = gzipSync(plain, { level: constants.Z_BEST_COMPRESSION });
    const isPacked = plain.length > LEAST && packed.length < 0.9 * plain.length;
    before += plain.length;
    after += isPacked ? packed.length : plain.length;
    if (!isPacked) continue;
    writeFileSync(`${path}.gz`, packed);
    rmSync(path);
  }
}
console.log(`packed: ${(before / 1e6).toFixed(1)} MB are ${(after / 1e6).toFixed(1)} MB`);
