// One user: what is known, what can be done, and what has happened.

import { useQuery } from '@apollo/client/react';
import { useState, type ReactNode } from 'react';
import { Link } from 'wouter';
import { faulty, refusalOf } from '../api/refusal';
import { useDates, useTexts } from '../i18n/texts';
import { useAction } from '../ui/action';
import { Alert } from '../ui/Alert';
import { Button } from '../ui/Button';
import { TextArea } from '../ui/Field';
import { Form } from '../ui/Form';
import { Loading } from '../ui/Loading';
import { Card, Page } from '../ui/Page';
import { Refused } from '../ui/Refused';
import { Time } from '../ui/Time';
import { tell } from '../ui/toasts';
import { administer } from './api';
import { EventRow } from './EventRow';
import {
  AuditLogDocument,
  RestoreUserDocument,
  RolesDocument,
  SetAppMetadataDocument,
  SetUserRolesDocument,
  UserDocument,
  type UserDetailsFragment,
} from './gql/graphql';
import { useMay } from './may';
import { Boxes } from './Boxes';
import { useAdminTexts } from './texts';
import { UserQuestion, type Asked } from './UserQuestion';
import { StatusBadge } from './Users';

const LATEST = 10;

function Facts({ user }: { user: UserDetailsFragment }) {
  const { fields, none, never } = useTexts();
  const texts = useAdminTexts();
  const rows: [string, ReactNode][] = [
    [fields.email, `${user.email} (${user.emailVerified ? texts.users.confirmed : texts.users.unverified})`],
    [fields.username, user.username ?? none],
    [fields.locale, user.locale ?? none],
    [fields.timeZone, user.timeZone ?? none],
    [texts.users.made, <Time at={user.createdAt} />],
    [texts.user.updated, <Time at={user.updatedAt} />],
    [texts.users.seen, user.lastSeenAt === null ? never : <Time at={user.lastSeenAt} />],
    [texts.user.id, <code>{user.id}</code>],
  ];
  return (
    <dl className="table">
      {rows.map(([label, value]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function State({ user }: { user: UserDetailsFragment }) {
  const texts = useAdminTexts();
  const { minute } = useDates();
  const { suspension, deletionDueAt } = user;
  return (
    <>
      {suspension && (
        <Alert tone="info">
          {texts.user.suspended(suspension.until && minute(suspension.until))}. {texts.user.reason}: {suspension.reason}
        </Alert>
      )}
      {deletionDueAt !== null && (
        <Alert tone="bad">
          {texts.user.erased} {minute(deletionDueAt)}
        </Alert>
      )}
    </>
  );
}

function Actions({ user }: { user: UserDetailsFragment }) {
  const { user: texts } = useAdminTexts();
  const { may, viewerId } = useMay();
  const [asked, ask] = useState<Asked | null>(null);
  const restore = useAction(async () => {
    await administer(RestoreUserDocument, { input: { id: user.id } });
    tell(texts.restored);
  });
  const isSelf = user.id === viewerId;
  const isOpen = user.status === 'ACTIVE';
  return (
    <Card title={texts.actions}>
      {restore.refusal && <Refused refusal={restore.refusal} />}
      <div className="row">
        {may.has('users:suspend') && !isOpen && (
          <Button isBusy={restore.isBusy} onClick={() => void restore.run()}>
            {texts.restore}
          </Button>
        )}
        {may.has('users:write') && isOpen && <Button onClick={() => ask('reset')}>{texts.reset}</Button>}
        {may.has('sessions:revoke') && <Button onClick={() => ask('revoke')}>{texts.revoke}</Button>}
        {may.has('users:suspend') && isOpen && !isSelf && (
          <Button tone="danger" onClick={() => ask('suspend')}>
            {texts.suspend}
          </Button>
        )}
        {may.has('users:delete') && user.status !== 'DELETING' && !isSelf && (
          <Button tone="danger" onClick={() => ask('delete')}>
            {texts.delete}
          </Button>
        )}
      </div>
      {asked && <UserQuestion asked={asked} id={user.id} close={() => ask(null)} />}
    </Card>
  );
}

function UserRoles({ user }: { user: UserDetailsFragment }) {
  const { user: texts } = useAdminTexts();
  const { data } = useQuery(RolesDocument);
  const names = new Set([...(data?.roles.map(({ name }) => name) ?? []), ...user.roles]);
  names.delete('user');
  return (
    <Card title={texts.roles}>
      <Form
        // What is stored is shown, also after others have changed it.
        key={`${names.size} ${user.roles}`}
        submit={texts.saveRoles}
        send={async (_values, all) => {
          await administer(SetUserRolesDocument, { input: { id: user.id, roles: all.getAll('roles') as string[] } });
          tell(texts.rolesSaved);
        }}
      >
        <Boxes
          name="roles"
          legend={texts.roles}
          isLegendHidden
          choices={[...names].sort().map((name) => ({ name }))}
          chosen={user.roles}
        />
      </Form>
    </Card>
  );
}

/** An object, or it is not sent. */
function objectFrom(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Told below.
  }
  throw faulty([{ name: 'appMetadata', code: 'INVALID_FORMAT', message: '' }]);
}

function Metadata({ user }: { user: UserDetailsFragment }) {
  const { user: texts } = useAdminTexts();
  const text = JSON.stringify(user.appMetadata, null, 2);
  return (
    <Card title={texts.metadata}>
      <Form
        key={text}
        submit={texts.metadataSave}
        send={async ({ appMetadata = '' }) => {
          await administer(SetAppMetadataDocument, { input: { id: user.id, appMetadata: objectFrom(appMetadata) } });
          tell(texts.metadataSaved);
        }}
      >
        <TextArea
          name="appMetadata"
          label={texts.metadataLabel}
          hint={texts.metadataHint}
          defaultValue={text}
          rows={6}
          spellCheck={false}
        />
      </Form>
    </Card>
  );
}

function Events({ id }: { id: string }) {
  const { user: texts } = useAdminTexts();
  const { data, error } = useQuery(AuditLogDocument, {
    variables: { filter: { subject: id }, first: LATEST },
    fetchPolicy: 'cache-and-network',
  });
  return (
    <Card title={texts.events}>
      {error && <Refused refusal={refusalOf(error)} />}
      <ul className="lines">
        {data?.auditLog.edges.map(({ node }) => (
          <EventRow key={node.id} event={node} />
        ))}
      </ul>
      <p>
        <Link href={`/admin/audit?by=subject&value=${id}`}>{texts.allEvents}</Link>
      </p>
    </Card>
  );
}

export function User({ id }: { id: string }) {
  const texts = useAdminTexts();
  const { may } = useMay();
  const { data, error } = useQuery(UserDocument, { variables: { id }, fetchPolicy: 'cache-and-network' });
  const user = data?.user;
  if (!user) {
    if (!error && data?.user !== null) return <Loading />;
    return (
      <Page title={texts.users.title}>
        {error ? <Refused refusal={refusalOf(error)} /> : <Alert tone="bad">{texts.user.missing}</Alert>}
        <Link href="/admin/users">{texts.user.back}</Link>
      </Page>
    );
  }
  return (
    <Page title={user.name} actions={<StatusBadge status={user.status} />}>
      <State user={user} />
      <Card>
        <Facts user={user} />
      </Card>
      <Actions user={user} />
      {may.has('roles:write') && <UserRoles user={user} />}
      {may.has('users:write') && <Metadata user={user} />}
      {may.has('audit:read') && <Events id={id} />}
      <p>
        <Link href="/admin/users">{texts.user.back}</Link>
      </p>
    </Page>
  );
}
