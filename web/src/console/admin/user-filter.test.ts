import { expect, it } from 'vitest';
import { addressOf, filterOf, orderOf, wantedBy } from './user-filter';

const wanted = (search: string) => wantedBy(new URLSearchParams(search));

it('shows all users, the newest first, where nothing is asked for', () => {
  expect(filterOf(wanted(''))).toBeNull();
  expect(orderOf(wanted(''))).toEqual({ field: 'CREATED_AT', direction: 'DESC' });
});

it('asks for one condition in its own order, whatever else the address says', () => {
  const found = wanted('by=email&value=ada&order=NAME');
  expect(filterOf(found)).toEqual({ emailPrefix: 'ada' });
  expect(orderOf(found)).toEqual({ field: 'EMAIL', direction: 'ASC' });
  expect(filterOf(wanted('by=verified&value=false'))).toEqual({ verified: false });
});

it('takes what it does not know for nothing', () => {
  expect(filterOf(wanted('by=password&value=x&order=HASH&direction=UP'))).toBeNull();
  expect(filterOf(wanted('by=status&value=NEWER'))).toEqual({ status: 'ACTIVE' });
});

it('comes back from the address as it went there', () => {
  for (const search of ['direction=DESC', 'order=NAME&direction=ASC', 'by=role&value=admin&direction=DESC']) {
    expect(wantedBy(addressOf(wanted(search)))).toEqual(wanted(search));
  }
});
