// What stands around the pages of those who are not logged in.

import type { ReactNode } from 'react';
import { useLocation } from 'wouter';
import { Brand } from './Brand';
import { Broken } from './Broken';
import { Network } from './Network';
import { Preferences } from './Preferences';
import { Skip } from './Skip';

export function Outside({ children }: { children: ReactNode }) {
  const [path] = useLocation();
  return (
    <div className="outside">
      <Skip />
      <header>
        <Brand />
        <Preferences />
      </header>
      <Network />
      <main id="main" tabIndex={-1} className="sheet">
        <Broken path={path}>{children}</Broken>
      </main>
    </div>
  );
}
