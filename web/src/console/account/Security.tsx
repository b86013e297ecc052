// What happened to the account.

import { useQuery } from '@apollo/client/react';
import { refusalOf } from '../api/refusal';
import { SecurityEventsDocument, type SecurityEventsQuery } from '../gql/graphql';
import { useTexts } from '../i18n/texts';
import { Button } from '../ui/Button';
import { Loading } from '../ui/Loading';
import { MoreButton, useShown } from '../ui/more';
import { Page } from '../ui/Page';
import { Refused } from '../ui/Refused';
import { Time } from '../ui/Time';
import { deviceName } from './device-name';

const PAGE = 20;

type Connection = NonNullable<NonNullable<SecurityEventsQuery['me']>['securityEvents']>;
type SecurityEvent = Connection['edges'][number]['node'];

function Event({ event }: { event: SecurityEvent }) {
  const { events, security } = useTexts();
  const where = [deviceName(event), event.ipAddress].filter(Boolean).join(' · ');
  return (
    <li className="item">
      <div className="item-text">
        <h2>
          {events[event.type]}{' '}
          {event.outcome === 'FAILURE' && <span className="badge badge-bad">{security.failure}</span>}
        </h2>
        <p className="hint">
          <Time at={event.at} /> · {security.actors[event.actor]}
          {where !== '' && ` · ${where}`}
        </p>
      </div>
    </li>
  );
}

export function Security() {
  const texts = useTexts();
  const shown = useShown(PAGE);
  const { data, error, fetchMore, refetch } = useQuery(SecurityEventsDocument, {
    variables: { first: shown.atFirst },
    fetchPolicy: 'cache-and-network',
  });
  const list = data?.me?.securityEvents;
  return (
    <Page title={texts.security.title} text={texts.security.text}>
      {error && !list && (
        <>
          <Refused refusal={refusalOf(error)} />
          <Button onClick={() => void refetch()}>{texts.retry}</Button>
        </>
      )}
      {!list && !error && <Loading />}
      {list && (
        <>
          {list.edges.length === 0 && <p>{texts.security.empty}</p>}
          <ul className="items">
            {list.edges.map(({ node }) => (
              <Event key={node.id} event={node} />
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
    </Page>
  );
}
