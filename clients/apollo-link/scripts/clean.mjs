// Removes what an earlier build has left: a file that has no source any more would be published.

import { rmSync } from 'node:fs';

rmSync(new URL('../dist', import.meta.url), { recursive: true, force: true });
