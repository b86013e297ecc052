// Roles, and what they allow.

import { useQuery } from '@apollo/client/react';
import { useState } from 'react';
import { refusalOf } from '../api/refusal';
import { Button } from '../ui/Button';
import { Confirm } from '../ui/Confirm';
import { Field } from '../ui/Field';
import { Loading } from '../ui/Loading';
import { Page } from '../ui/Page';
import { Refused } from '../ui/Refused';
import { tell } from '../ui/toasts';
import { adminClient, administer } from './api';
import { Boxes } from './Boxes';
import { RemoveRoleDocument, RolesDocument, SaveRoleDocument, type RoleRowFragment } from './gql/graphql';
import { useMay } from './may';
import { useAdminTexts } from './texts';

type Asked = { what: 'save'; role: RoleRowFragment | null } | { what: 'remove'; role: RoleRowFragment };

const renew = () => adminClient.refetchQueries({ include: [RolesDocument] });

function Question({ asked, close }: { asked: Asked; close(): void }) {
  const { roles: texts } = useAdminTexts();
  const { all, may } = useMay();
  if (asked.what === 'remove') {
    return (
      <Confirm
        title={texts.removeTitle}
        text={`${asked.role.name}. ${texts.removeText}`}
        submit={texts.remove}
        close={close}
        act={async () => {
          await administer(RemoveRoleDocument, { input: { name: asked.role.name } });
          tell(texts.removed);
          await renew();
        }}
      />
    );
  }
  const { role } = asked;
  return (
    <Confirm
      title={role ? texts.editOne(role.name) : texts.create}
      submit={texts.save}
      tone="main"
      close={close}
      act={async ({ name = '' }, values) => {
        const permissions = values.getAll('permissions') as string[];
        await administer(SaveRoleDocument, { input: { name: role?.name ?? name, permissions } });
        tell(texts.saved);
        await renew();
      }}
    >
      {!role && (
        <Field name="name" label={texts.name} hint={texts.nameHint} maxLength={40} autoCapitalize="none" required />
      )}
      <Boxes
        name="permissions"
        legend={texts.permissions}
        // Nobody gives what they do not have.
        choices={all.filter(({ name }) => may.has(name))}
        chosen={role?.permissions ?? []}
      />
    </Confirm>
  );
}

export function Roles() {
  const { roles: texts } = useAdminTexts();
  const { may } = useMay();
  const [asked, ask] = useState<Asked | null>(null);
  const { data, error } = useQuery(RolesDocument, { fetchPolicy: 'cache-and-network' });
  const mayWrite = may.has('roles:write');
  return (
    <Page
      title={texts.title}
      text={texts.text}
      actions={mayWrite && <Button onClick={() => ask({ what: 'save', role: null })}>{texts.create}</Button>}
    >
      {error && <Refused refusal={refusalOf(error)} />}
      {!data && !error && <Loading />}
      <ul className="items">
        {data?.roles.map((role) => (
          <li key={role.name} className="item">
            <div className="item-text">
              <h2>
                {role.name} {role.builtIn && <span className="badge">{texts.builtIn}</span>}
              </h2>
              <p className="hint wide">{role.permissions.join(', ') || texts.nothing}</p>
            </div>
            {mayWrite && !role.builtIn && (
              <div className="row">
                <Button aria-label={texts.editOne(role.name)} onClick={() => ask({ what: 'save', role })}>
                  {texts.edit}
                </Button>
                <Button aria-label={texts.removeOne(role.name)} onClick={() => ask({ what: 'remove', role })}>
                  {texts.remove}
                </Button>
              </div>
            )}
          </li>
        ))}
      </ul>
      {asked && <Question asked={asked} close={() => ask(null)} />}
    </Page>
  );
}
