// Users: found by one condition, in order, page by page. All of it stands in the address.

import { useQuery } from '@apollo/client/react';
import { useState } from 'react';
import { Link, useLocation, useSearchParams } from 'wouter';
import { refusalOf } from '../api/refusal';
import { useLanguage, useTexts } from '../i18n/texts';
import { Button } from '../ui/Button';
import { Confirm } from '../ui/Confirm';
import { Field, Select } from '../ui/Field';
import { Form } from '../ui/Form';
import { Loading } from '../ui/Loading';
import { Page } from '../ui/Page';
import { Refused } from '../ui/Refused';
import { Time } from '../ui/Time';
import { tell } from '../ui/toasts';
import { administer } from './api';
import {
  InviteUserDocument,
  RolesDocument,
  UsersDocument,
  type UserOrderField,
  type UserRowFragment,
} from './gql/graphql';
import { useMay } from './may';
import { Pages, pageOf } from './Pages';
import { useAdminTexts } from './texts';
import {
  FILTERS,
  ORDER_OF,
  ORDERS,
  STATUSES,
  addressOf,
  filterOf,
  orderOf,
  usualDirection,
  wantedBy,
  type Filter,
  type Wanted,
} from './user-filter';

/** The value of a condition: typed, or one of a few. */
function Value({ by, value }: { by: Filter; value: string }) {
  const { users } = useAdminTexts();
  const { data } = useQuery(RolesDocument, { skip: by !== 'role' });
  if (by === 'all') return null;
  const choices: Partial<Record<Filter, [string, string][]>> = {
    status: STATUSES.map((status) => [status, users.statuses[status]]),
    verified: [
      ['true', users.confirmed],
      ['false', users.unverified],
    ],
    role: data?.roles.map(({ name }) => [name, name]) ?? [[value, value]],
  };
  const chosen = choices[by];
  if (!chosen) {
    return <Field key={by} name="value" label={users.filters[by]} defaultValue={value} required />;
  }
  return (
    <Select key={by + chosen.length} name="value" label={users.value} defaultValue={value}>
      {chosen.map(([one, label]) => (
        <option key={one} value={one}>
          {label}
        </option>
      ))}
    </Select>
  );
}

function Filters({ wanted }: { wanted: Wanted }) {
  const { users } = useAdminTexts();
  const [path, go] = useLocation();
  const [by, setBy] = useState(wanted.by);
  const fixed = ORDER_OF[by];
  return (
    <div className="filters" role="search">
      <Form
        submit={users.apply}
        tone="main"
        send={async ({ value = '', order, direction }) => {
          const next = { by, value, order: (order ?? fixed) as UserOrderField, direction: direction as 'ASC' | 'DESC' };
          go(`${path}?${addressOf(next)}`);
        }}
      >
        <Select
          name="by"
          label={users.by}
          value={by}
          onChange={({ currentTarget }) => setBy(currentTarget.value as Filter)}
        >
          {FILTERS.map((one) => (
            <option key={one} value={one}>
              {users.filters[one]}
            </option>
          ))}
        </Select>
        <Value by={by} value={by === wanted.by ? wanted.value : ''} />
        {fixed === null && (
          <Select name="order" label={users.order} defaultValue={wanted.order}>
            {ORDERS.map((one) => (
              <option key={one} value={one}>
                {users.orders[one]}
              </option>
            ))}
          </Select>
        )}
        <Select
          key={`direction ${by}`}
          name="direction"
          label={users.direction}
          defaultValue={by === wanted.by ? wanted.direction : usualDirection(fixed ?? 'CREATED_AT')}
        >
          <option value="ASC">{users.directions.ASC}</option>
          <option value="DESC">{users.directions.DESC}</option>
        </Select>
      </Form>
    </div>
  );
}

export function StatusBadge({ status }: { status: UserRowFragment['status'] }) {
  const { users } = useAdminTexts();
  if (status === 'ACTIVE') return null;
  return (
    <span className={status === 'SUSPENDED' ? 'badge badge-warn' : 'badge badge-bad'}>{users.statuses[status]}</span>
  );
}

function Row({ user }: { user: UserRowFragment }) {
  const { users } = useAdminTexts();
  return (
    <li className="item">
      <div className="item-text">
        <h2>
          <Link href={`/admin/users/${user.id}`}>{user.name}</Link> <StatusBadge status={user.status} />
          {user.roles
            .filter((role) => role !== 'user')
            .map((role) => (
              <span key={role} className="badge">
                {role}
              </span>
            ))}
        </h2>
        <p className="hint wide">
          {user.email}
          {user.username !== null && ` · ${user.username}`}
          {!user.emailVerified && ` · ${users.unverified}`}
        </p>
      </div>
      <dl className="facts">
        <div>
          <dt>{users.made}</dt>
          <dd>
            <Time at={user.createdAt} />
          </dd>
        </div>
        {user.lastSeenAt !== null && (
          <div>
            <dt>{users.seen}</dt>
            <dd>
              <Time at={user.lastSeenAt} />
            </dd>
          </div>
        )}
      </dl>
    </li>
  );
}

function Invite({ close }: { close(): void }) {
  const texts = useAdminTexts();
  const { fields } = useTexts();
  const locale = useLanguage();
  const [, go] = useLocation();
  return (
    <Confirm
      title={texts.users.invite}
      text={texts.users.inviteText}
      submit={texts.users.inviteSubmit}
      tone="main"
      close={close}
      act={async ({ email = '', name = '' }) => {
        const { inviteUser } = await administer(InviteUserDocument, { input: { email, name, locale } });
        tell(texts.users.invited);
        go(`/admin/users/${inviteUser.user.id}`);
      }}
    >
      <Field name="name" label={fields.name} required />
      <Field name="email" label={fields.email} type="email" required />
    </Confirm>
  );
}

export function Users() {
  const texts = useAdminTexts();
  const language = useLanguage();
  const { may } = useMay();
  const [search] = useSearchParams();
  const [isInviting, setInviting] = useState(false);
  const wanted = wantedBy(search);
  const { data, error, previousData } = useQuery(UsersDocument, {
    variables: { filter: filterOf(wanted), orderBy: orderOf(wanted), ...pageOf(search) },
    fetchPolicy: 'cache-and-network',
  });
  // The page before stays until the next one is there: nothing jumps.
  const list = (data ?? previousData)?.users;
  const { value, isEstimate } = list?.totalCount ?? { value: 0, isEstimate: false };
  const count = value.toLocaleString(language);
  return (
    <Page
      title={texts.users.title}
      actions={may.has('users:write') && <Button onClick={() => setInviting(true)}>{texts.users.invite}</Button>}
    >
      <Filters key={`${wanted.by} ${wanted.order}`} wanted={wanted} />
      {error && <Refused refusal={refusalOf(error)} />}
      {!list && !error && <Loading />}
      {list && !error && (
        <>
          <p className="count" role="status">
            {isEstimate ? texts.users.estimate(count) : texts.users.count(value, count)}
          </p>
          {list.edges.length === 0 && <p>{texts.empty}</p>}
          <ul className="items" aria-busy={!data}>
            {list.edges.map(({ node }) => (
              <Row key={node.id} user={node} />
            ))}
          </ul>
          <Pages info={list.pageInfo} />
        </>
      )}
      {isInviting && <Invite close={() => setInviting(false)} />}
    </Page>
  );
}
