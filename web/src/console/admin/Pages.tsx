// The ways through a list of keyset pages. The place stands in the address: `after` or `before` a cursor.

import { Link, useLocation, useSearchParams } from 'wouter';
import { useAdminTexts } from './texts';

export const PAGE = 25;

export interface PageInfo {
  hasNextPage: boolean;
  hasPreviousPage: boolean;
  startCursor: string | null;
  endCursor: string | null;
}

/** The arguments for the page that the address names. */
export function pageOf(search: URLSearchParams) {
  const [after, before] = [search.get('after'), search.get('before')];
  return before !== null ? { last: PAGE, before } : { first: PAGE, after };
}

/** The same list at another place. */
function at(search: URLSearchParams, place: Record<string, string>): string {
  const next = new URLSearchParams(search);
  next.delete('after');
  next.delete('before');
  for (const [name, value] of Object.entries(place)) next.set(name, value);
  return `?${next}`;
}

export function Pages({ info }: { info: PageInfo }) {
  const texts = useAdminTexts();
  const [path] = useLocation();
  const [search] = useSearchParams();
  const isFirst = !search.has('after') && !search.has('before');
  // A page that was reached backwards has something after it, namely where one came from.
  const hasNext = info.hasNextPage || search.has('before');
  const hasBefore = info.hasPreviousPage || search.has('after');
  if (isFirst && !hasNext) return null;
  return (
    <nav className="pages" aria-label={texts.pages}>
      {!isFirst && (
        <Link className="button" href={path + at(search, {})}>
          {texts.first}
        </Link>
      )}
      {hasBefore && info.startCursor !== null && (
        <Link className="button" href={path + at(search, { before: info.startCursor })}>
          {texts.back}
        </Link>
      )}
      {hasNext && info.endCursor !== null && (
        <Link className="button" href={path + at(search, { after: info.endCursor })}>
          {texts.more}
        </Link>
      )}
    </nav>
  );
}
