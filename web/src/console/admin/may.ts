// What the administrator may do.

import { createContext, useContext } from 'react';
import type { ViewerQuery } from './gql/graphql';

interface Allowed {
  may: ReadonlySet<string>;
  /** Every permission that there is. */
  all: ViewerQuery['permissions'];
  viewerId: string;
}

export const May = createContext<Allowed>({ may: new Set(), all: [], viewerId: '' });

export const useMay = () => useContext(May);
