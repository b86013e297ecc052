// An event of the audit log.

import { Link } from 'wouter';
import { useTexts } from '../i18n/texts';
import { Time } from '../ui/Time';
import { deviceName } from '../account/device-name';
import type { AuditLogQuery } from './gql/graphql';
import { useAdminTexts } from './texts';

export type AuditEvent = AuditLogQuery['auditLog']['edges'][number]['node'];

/** The id of a user leads to the user. */
function Who({ id }: { id: string }) {
  return id.startsWith('user_') ? <Link href={`/admin/users/${id}`}>{id}</Link> : <>{id}</>;
}

export function EventRow({ event }: { event: AuditEvent }) {
  const { events } = useTexts();
  const { audit } = useAdminTexts();
  const where = [event.ipAddress, deviceName(event)].filter(Boolean).join(', ');
  const details: [string, string | null][] = [
    [audit.from, where || null],
    [audit.reason, event.reason],
    [audit.session, event.sessionId],
    [audit.request, event.requestId],
  ];
  const isChanged = event.changes !== null && Object.keys(event.changes as object).length > 0;
  return (
    <li className="event">
      <p>
        <strong>{events[event.type]}</strong>{' '}
        {event.outcome === 'FAILURE' && <span className="badge badge-bad">{audit.failure}</span>}{' '}
        <span className="hint">
          <Time at={event.at} />
        </span>
      </p>
      <p className="hint wide">
        {audit.actor} <Who id={event.actor} />
        {event.subject !== null && event.subject !== event.actor && (
          <>
            {' · '}
            {audit.subject} <Who id={event.subject} />
          </>
        )}
      </p>
      <details>
        <summary>{audit.details}</summary>
        <dl className="table">
          {details.map(([label, value]) =>
            value === null ? null : (
              <div key={label}>
                <dt>{label}</dt>
                <dd>{value}</dd>
              </div>
            ),
          )}
        </dl>
        {isChanged && (
          <pre tabIndex={0} aria-label={audit.changes}>
            {JSON.stringify(event.changes, null, 2)}
          </pre>
        )}
      </details>
    </li>
  );
}
