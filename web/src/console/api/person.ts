// The person who is logged in.

import { useQuery } from '@apollo/client/react';
import { useEffect } from 'react';
import { session } from './session';
import { useStore } from './store';
import { MeDocument, type PersonFragment } from '../gql/graphql';

export type Person = PersonFragment;

/** Until the service is asked once more who is there, in milliseconds. */
const RETRY = 1_000;

export function usePerson(): Person | null {
  const { status } = useStore(session);
  const { data, loading, refetch } = useQuery(MeDocument, { skip: status !== 'in' });
  const person = data?.me ?? null;
  // What was asked before anybody knew who is there may have been refused, as with a token that had just expired.
  const isMissing = status === 'in' && !loading && !person;
  useEffect(() => {
    if (!isMissing) return;
    const timer = setInterval(() => void refetch().catch(() => {}), RETRY);
    return () => clearInterval(timer);
  }, [isMissing, refetch]);
  return person;
}
