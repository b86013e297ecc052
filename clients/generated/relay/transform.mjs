// Makes programs of the sources, with what Relay's compiler has generated in place of `graphql` tags.

import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';

import { transformFileSync } from '@babel/core';

const base = join(import.meta.dirname, '..');
const out = join(import.meta.dirname, 'out');

const options = {
  babelrc: false,
  configFile: false,
  // Relay's reads relay.config.json of this folder.
  plugins: ['relay', '@babel/plugin-transform-modules-commonjs'],
  presets: ['@babel/preset-typescript'],
};

rmSync(out, { recursive: true, force: true });
for (const folder of ['story', 'relay', 'relay/generated', 'relay/__generated__']) {
  mkdirSync(join(out, folder), { recursive: true });
  for (const name of readdirSync(join(base, folder))) {
    const [from, to] = [join(base, folder, name), join(out, folder, name)];
    if (extname(name) === '.json') copyFileSync(from, to);
    if (extname(name) === '.ts') writeFileSync(to.replace(/ts$/, 'js'), transformFileSync(from, options).code);
  }
}
