// The audit log: by one condition and a time, page by page. All of it stands in the address.

import { useQuery } from '@apollo/client/react';
import { useState } from 'react';
import { useLocation, useSearchParams } from 'wouter';
import { refusalOf } from '../api/refusal';
import { useTexts } from '../i18n/texts';
import { Field, Select } from '../ui/Field';
import { Form } from '../ui/Form';
import { Loading } from '../ui/Loading';
import { Page } from '../ui/Page';
import { Refused } from '../ui/Refused';
import { EventRow } from './EventRow';
import { AuditLogDocument, type AuditEventType, type AuditFilterInput } from './gql/graphql';
import { Pages, pageOf } from './Pages';
import { useAdminTexts } from './texts';

const FILTERS = ['all', 'subject', 'actor', 'type'] as const;
type Filter = (typeof FILTERS)[number];

const chosen = (search: URLSearchParams): Filter => FILTERS.find((one) => one === search.get('by')) ?? 'all';

/** A time of a form, which has no zone, as the service takes it. */
const instant = (text: string | null) =>
  text === null || Number.isNaN(Date.parse(text)) ? null : new Date(text).toISOString();

function filterOf(search: URLSearchParams): AuditFilterInput {
  const [by, value] = [chosen(search), search.get('value') ?? ''];
  return {
    since: instant(search.get('since')),
    until: instant(search.get('until')),
    ...(by === 'subject' && value !== '' && { subject: value }),
    ...(by === 'actor' && value !== '' && { actor: value }),
    ...(by === 'type' && value !== '' && { type: value as AuditEventType }),
  };
}

function Filters() {
  const { audit } = useAdminTexts();
  const { events } = useTexts();
  const [path, go] = useLocation();
  const [search] = useSearchParams();
  const [by, setBy] = useState(() => chosen(search));
  const value = search.get('value') ?? '';
  return (
    <div className="filters" role="search">
      <Form
        submit={audit.apply}
        send={async (values) => {
          const filled = Object.entries(values).filter(([, one]) => one !== '' && one !== 'all');
          go(`${path}?${new URLSearchParams(filled)}`);
        }}
      >
        <Select
          name="by"
          label={audit.by}
          value={by}
          onChange={({ currentTarget }) => setBy(currentTarget.value as Filter)}
        >
          {FILTERS.map((one) => (
            <option key={one} value={one}>
              {audit.filters[one]}
            </option>
          ))}
        </Select>
        {by === 'type' && (
          <Select name="value" label={audit.type} defaultValue={value}>
            {Object.entries(events).map(([type, label]) => (
              <option key={type} value={type}>
                {label}
              </option>
            ))}
          </Select>
        )}
        {(by === 'subject' || by === 'actor') && (
          <Field key={by} name="value" label={audit.value} defaultValue={value} required />
        )}
        {(['since', 'until'] as const).map((name) => (
          <Field
            key={name}
            name={name}
            label={audit[name]}
            type="datetime-local"
            defaultValue={search.get(name) ?? ''}
            isFilter
          />
        ))}
      </Form>
    </div>
  );
}

export function Audit() {
  const texts = useAdminTexts();
  const [search] = useSearchParams();
  const { data, error, previousData } = useQuery(AuditLogDocument, {
    variables: { filter: filterOf(search), ...pageOf(search) },
    fetchPolicy: 'cache-and-network',
  });
  const list = (data ?? previousData)?.auditLog;
  return (
    <Page title={texts.audit.title}>
      <Filters key={['by', 'value', 'since', 'until'].map((name) => search.get(name)).join(' ')} />
      {error && <Refused refusal={refusalOf(error)} />}
      {!list && !error && <Loading />}
      {list && !error && (
        <>
          {list.edges.length === 0 && <p>{texts.empty}</p>}
          <ul className="items lines" aria-busy={!data}>
            {list.edges.map(({ node }) => (
              <EventRow key={node.id} event={node} />
            ))}
          </ul>
          <Pages info={list.pageInfo} />
        </>
      )}
    </Page>
  );
}
