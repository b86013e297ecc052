// Fails when what a first visit of the account pages loads has grown too large, compressed as the service does.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const MOST = 200 * 1000;
const dist = join(import.meta.dirname, 'dist-console');
const manifest = JSON.parse(readFileSync(join(dist, 'manifest.json'), 'utf8'));

const sizeOf = (file) => gzipSync(readFileSync(join(dist, file)), { level: 9 }).length;

/** The files of a chunk and of all that it needs to start. */
function filesOf(key, found = new Set()) {
  const { file, css = [], assets = [], imports = [] } = manifest[key];
  for (const one of [file, ...css, ...assets]) found.add(one);
  for (const one of imports) filesOf(one, found);
  return found;
}

const sum = (files) => [...files].reduce((total, file) => total + sizeOf(file), 0);
const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;

const entry = Object.keys(manifest).find((key) => manifest[key].isEntry);
const first = filesOf(entry);
const total = sum(first) + sizeOf('index.html');
console.log(`console: first load ${kilobytes(total)} compressed, of ${kilobytes(MOST)}`);
for (const key of Object.keys(manifest).filter((key) => manifest[key].isDynamicEntry)) {
  const more = [...filesOf(key)].filter((file) => !first.has(file));
  console.log(`console: ${manifest[key].name} ${kilobytes(sum(more))} more, when it is opened`);
}
if (total > MOST) {
  console.error('console: the first load is too large');
  process.exit(1);
}
