// The devices on which the person is logged in. How many are shown stands in the address.

import { useQuery } from '@apollo/client/react';
import { useState } from 'react';
import { client } from '../api/client';
import { leaveBy } from '../api/session';
import { refusalOf } from '../api/refusal';
import { send } from '../api/send';
import {
  RenameSessionDocument,
  RevokeOtherSessionsDocument,
  RevokeSessionDocument,
  SessionsDocument,
  type DeviceFragment,
} from '../gql/graphql';
import { useTexts } from '../i18n/texts';
import { Button } from '../ui/Button';
import { Confirm } from '../ui/Confirm';
import { Field } from '../ui/Field';
import { Loading } from '../ui/Loading';
import { MoreButton, useShown } from '../ui/more';
import { Page } from '../ui/Page';
import { Refused } from '../ui/Refused';
import { Time } from '../ui/Time';
import { tell } from '../ui/toasts';
import { deviceName } from './device-name';
import { expectNews } from './SessionNews';

const PAGE = 20;

type Asked = { what: 'rename' | 'revoke'; session: DeviceFragment } | { what: 'others' } | null;

interface DeviceProps {
  session: DeviceFragment;
  ask(asked: Asked): void;
}

function Device({ session, ask }: DeviceProps) {
  const { sessions } = useTexts();
  const name = deviceName(session) ?? sessions.unknown;
  return (
    <li className={session.current ? 'item item-current' : 'item'}>
      <div className="item-text">
        <h2>
          {name} {session.current && <span className="badge badge-good">{sessions.current}</span>}
          {session.impersonated && <span className="badge badge-warn">{sessions.impersonated}</span>}
        </h2>
        <dl className="facts">
          <div>
            <dt>{sessions.since}</dt>
            <dd>
              <Time at={session.createdAt} />
            </dd>
          </div>
          <div>
            <dt>{sessions.seen}</dt>
            <dd>
              <Time at={session.lastSeenAt} />
            </dd>
          </div>
          {session.ipAddress !== null && (
            <div>
              <dt>{sessions.from}</dt>
              <dd>{session.ipAddress}</dd>
            </div>
          )}
        </dl>
      </div>
      <div className="row">
        <Button aria-label={sessions.renameOne(name)} onClick={() => ask({ what: 'rename', session })}>
          {sessions.rename}
        </Button>
        <Button aria-label={sessions.revokeOne(name)} onClick={() => ask({ what: 'revoke', session })}>
          {sessions.revoke}
        </Button>
      </div>
    </li>
  );
}

/** Asks the list again, as long as it is shown. */
const renew = () => client.refetchQueries({ include: [SessionsDocument] });

function Question({ asked, close }: { asked: NonNullable<Asked>; close(): void }) {
  const { sessions, fields } = useTexts();
  if (asked.what === 'others') {
    return (
      <Confirm
        title={sessions.othersTitle}
        text={sessions.othersText}
        submit={sessions.others}
        close={close}
        act={async () => {
          const { revokeOtherSessions } = await send(RevokeOtherSessionsDocument, {});
          tell(sessions.othersDone(revokeOtherSessions.revokedCount));
          await renew();
        }}
      />
    );
  }
  const { session } = asked;
  const name = deviceName(session) ?? sessions.unknown;
  if (asked.what === 'rename') {
    return (
      <Confirm
        title={sessions.renameTitle}
        text={name}
        submit={sessions.save}
        tone="main"
        close={close}
        act={async (values) => {
          const input = { id: session.id, deviceName: values.deviceName ?? '' };
          expectNews(session.id);
          await send(RenameSessionDocument, { input });
          tell(sessions.renamed);
        }}
      >
        <Field name="deviceName" label={fields.deviceName} defaultValue={name} maxLength={100} required />
      </Confirm>
    );
  }
  return (
    <Confirm
      title={sessions.revokeTitle}
      text={sessions.revokeText(name)}
      submit={sessions.revoke}
      close={close}
      act={async () => {
        const revoke = () => send(RevokeSessionDocument, { input: { id: session.id } });
        if (session.current) return leaveBy('logged-out', revoke);
        expectNews(session.id);
        await revoke();
        tell(sessions.revoked);
        await renew();
      }}
    />
  );
}

export function Sessions() {
  const texts = useTexts();
  const shown = useShown(PAGE);
  const [asked, ask] = useState<Asked>(null);
  const { data, error, fetchMore, refetch } = useQuery(SessionsDocument, {
    variables: { first: shown.atFirst },
    fetchPolicy: 'cache-and-network',
  });
  const list = data?.me?.sessions;
  return (
    <Page
      title={texts.sessions.title}
      text={texts.sessions.text}
      actions={
        list && list.totalCount > 1 ? (
          <Button onClick={() => ask({ what: 'others' })}>{texts.sessions.others}</Button>
        ) : undefined
      }
    >
      {error && !list && (
        <>
          <Refused refusal={refusalOf(error)} />
          <Button onClick={() => void refetch()}>{texts.retry}</Button>
        </>
      )}
      {!list && !error && <Loading />}
      {list && (
        <>
          <p className="count">{texts.sessions.count(list.totalCount)}</p>
          <ul className="items">
            {list.edges.map(({ node }) => (
              <Device key={node.id} session={node} ask={ask} />
            ))}
          </ul>
          <MoreButton
            has={list.pageInfo.hasNextPage}
            more={async () => {
              await fetchMore({ variables: { first: PAGE, after: list.pageInfo.endCursor } });
              shown.add(PAGE);
            }}
          />
        </>
      )}
      {asked && <Question asked={asked} close={() => ask(null)} />}
    </Page>
  );
}
