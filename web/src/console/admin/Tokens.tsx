// Tokens of other services. A secret is shown when it is made, and never again.

import { useQuery } from '@apollo/client/react';
import { useEffect, useRef, useState } from 'react';
import { refusalOf } from '../api/refusal';
import { Button } from '../ui/Button';
import { Confirm } from '../ui/Confirm';
import { Field, Select } from '../ui/Field';
import { Loading } from '../ui/Loading';
import { Page } from '../ui/Page';
import { Refused } from '../ui/Refused';
import { Time } from '../ui/Time';
import { tell } from '../ui/toasts';
import { adminClient, administer } from './api';
import { Boxes } from './Boxes';
import {
  CreateServiceTokenDocument,
  RevokeServiceTokenDocument,
  ServiceTokensDocument,
  type ServiceTokenRowFragment,
} from './gql/graphql';
import { useMay } from './may';
import { useAdminTexts } from './texts';

const DAYS = [30, 90, 180, 365];
const DAY = 86_400_000;
/** Over plain http, other than at home, there is no clipboard. */
const canCopy = 'clipboard' in navigator;

const renew = () => adminClient.refetchQueries({ include: [ServiceTokensDocument] });

function Secret({ secret, forget }: { secret: string; forget(): void }) {
  const { tokens } = useAdminTexts();
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => box.current?.focus(), []);
  return (
    <div ref={box} className="alert alert-good" tabIndex={-1}>
      <p>
        <strong>{tokens.secretTitle}</strong>
      </p>
      <p className="secret">
        <code>{secret}</code>
      </p>
      <div className="row">
        {canCopy && (
          <Button
            onClick={() => {
              void navigator.clipboard.writeText(secret).then(() => tell(tokens.copied));
            }}
          >
            {tokens.copy}
          </Button>
        )}
        <Button onClick={forget}>{tokens.done}</Button>
      </div>
    </div>
  );
}

function Create({ show, close }: { show(secret: string): void; close(): void }) {
  const { tokens } = useAdminTexts();
  const { all, may } = useMay();
  return (
    <Confirm
      title={tokens.create}
      submit={tokens.submit}
      tone="main"
      close={close}
      act={async ({ name = '', days }, values) => {
        const permissions = values.getAll('permissions') as string[];
        const expiresAt = new Date(Date.now() + Number(days) * DAY).toISOString();
        const input = { name, permissions, expiresAt };
        const { createServiceToken } = await administer(CreateServiceTokenDocument, { input });
        show(createServiceToken.secret);
        await renew();
      }}
    >
      <Field name="name" label={tokens.name} maxLength={100} required />
      <Select name="days" label={tokens.duration} defaultValue="90">
        {DAYS.map((count) => (
          <option key={count} value={count}>
            {tokens.days(count)}
          </option>
        ))}
      </Select>
      <Boxes name="permissions" legend={tokens.permissions} choices={all.filter(({ name }) => may.has(name))} />
    </Confirm>
  );
}

function State({ token }: { token: ServiceTokenRowFragment }) {
  const { tokens } = useAdminTexts();
  if (token.revokedAt !== null) return <span className="badge badge-bad">{tokens.revokedAt}</span>;
  if (Date.parse(token.expiresAt) < Date.now()) return <span className="badge">{tokens.ended}</span>;
  return <span className="badge badge-good">{tokens.active}</span>;
}

function Row({ token, revoke }: { token: ServiceTokenRowFragment; revoke(): void }) {
  const { tokens } = useAdminTexts();
  const isOver = token.revokedAt !== null || Date.parse(token.expiresAt) < Date.now();
  return (
    <li className="item">
      <div className="item-text">
        <h2>
          {token.name} <State token={token} />
        </h2>
        <p className="hint wide">{token.permissions.join(', ')}</p>
        <dl className="facts">
          <div>
            <dt>{tokens.ends}</dt>
            <dd>
              <Time at={token.expiresAt} />
            </dd>
          </div>
          {token.lastUsedAt !== null && (
            <div>
              <dt>{tokens.used}</dt>
              <dd>
                <Time at={token.lastUsedAt} />
              </dd>
            </div>
          )}
          <div>
            <dt>{tokens.by}</dt>
            <dd>{token.createdBy}</dd>
          </div>
        </dl>
      </div>
      {!isOver && (
        <Button aria-label={tokens.revokeOne(token.name)} onClick={revoke}>
          {tokens.revoke}
        </Button>
      )}
    </li>
  );
}

export function Tokens() {
  const texts = useAdminTexts();
  const { tokens } = texts;
  const [secret, setSecret] = useState<string | null>(null);
  const [isCreating, setCreating] = useState(false);
  const [revoked, setRevoked] = useState<ServiceTokenRowFragment | null>(null);
  const { data, error } = useQuery(ServiceTokensDocument, { fetchPolicy: 'cache-and-network' });
  return (
    <Page
      title={tokens.title}
      text={tokens.text}
      actions={<Button onClick={() => setCreating(true)}>{tokens.create}</Button>}
    >
      {secret !== null && <Secret secret={secret} forget={() => setSecret(null)} />}
      {error && <Refused refusal={refusalOf(error)} />}
      {!data && !error && <Loading />}
      {data?.serviceTokens.length === 0 && <p>{texts.empty}</p>}
      <ul className="items">
        {data?.serviceTokens.map((token) => (
          <Row key={token.id} token={token} revoke={() => setRevoked(token)} />
        ))}
      </ul>
      {isCreating && <Create show={setSecret} close={() => setCreating(false)} />}
      {revoked && (
        <Confirm
          title={tokens.revokeTitle}
          text={`${revoked.name}. ${tokens.revokeText}`}
          submit={tokens.revoke}
          close={() => setRevoked(null)}
          act={async () => {
            await administer(RevokeServiceTokenDocument, { input: { id: revoked.id } });
            tell(tokens.revoked);
          }}
        />
      )}
    </Page>
  );
}
