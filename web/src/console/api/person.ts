// The person who is logged in.

import { useQuery } from '@apollo/client/react';
import { session } from './session';
import { useStore } from './store';
import { MeDocument, type PersonFragment } from '../gql/graphql';

export type Person = PersonFragment;

export function usePerson(): Person | null {
  const { status } = useStore(session);
  return useQuery(MeDocument, { skip: status !== 'in' }).data?.me ?? null;
}
