// Which users are shown, and in which order, between the address and the service. The service takes what an index
// finds, and no more: one condition, in its order.

import type { UserFilterInput, UserOrderField, UserOrderInput, UserStatus } from './gql/graphql';

export const FILTERS = ['all', 'email', 'name', 'username', 'status', 'verified', 'role'] as const;
export type Filter = (typeof FILTERS)[number];

export const ORDERS = ['CREATED_AT', 'EMAIL', 'NAME', 'USERNAME', 'LAST_SEEN_AT'] as const;
export const STATUSES = ['ACTIVE', 'SUSPENDED', 'DELETING'] as const;

/** The one order in which a condition can be read; null where any will do. */
export const ORDER_OF: Record<Filter, UserOrderField | null> = {
  all: null,
  email: 'EMAIL',
  name: 'NAME',
  username: 'USERNAME',
  status: 'CREATED_AT',
  verified: 'CREATED_AT',
  role: 'CREATED_AT',
};

export interface Wanted {
  by: Filter;
  value: string;
  order: UserOrderField;
  direction: 'ASC' | 'DESC';
}

const oneOf = <T extends string>(values: readonly T[], value: string | null, otherwise: T): T =>
  values.find((one) => one === value) ?? otherwise;

/** Times from the newest on, all else from A to Z. */
export const usualDirection = (order: UserOrderField) =>
  order === 'CREATED_AT' || order === 'LAST_SEEN_AT' ? 'DESC' : 'ASC';

/** What the address asks for; what it does not know counts for nothing. */
export function wantedBy(search: URLSearchParams): Wanted {
  const by = oneOf(FILTERS, search.get('by'), 'all');
  const order = ORDER_OF[by] ?? oneOf(ORDERS, search.get('order'), 'CREATED_AT');
  return {
    by,
    value: search.get('value') ?? '',
    order,
    direction: oneOf(['ASC', 'DESC'], search.get('direction'), usualDirection(order)),
  };
}

/** The part of an address that asks for it, from the first page. */
export function addressOf({ by, value, order, direction }: Wanted): URLSearchParams {
  const search = new URLSearchParams();
  if (by !== 'all') {
    search.set('by', by);
    search.set('value', value);
  } else if (order !== 'CREATED_AT') search.set('order', order);
  search.set('direction', direction);
  return search;
}

export function filterOf({ by, value }: Wanted): UserFilterInput | null {
  if (by === 'all' || value === '') return null;
  switch (by) {
    case 'email':
      return { emailPrefix: value };
    case 'name':
      return { namePrefix: value };
    case 'username':
      return { usernamePrefix: value };
    case 'status':
      return { status: oneOf<UserStatus>(STATUSES, value, 'ACTIVE') };
    case 'verified':
      return { verified: value === 'true' };
    case 'role':
      return { role: value };
  }
}

export function orderOf(wanted: Wanted): UserOrderInput {
  // A condition that is not filled in yet is none.
  const field = filterOf(wanted) ? wanted.order : (ORDER_OF[wanted.by] ?? wanted.order);
  return { field, direction: wanted.direction };
}
