// Changes the password.

import { useState } from 'react';
import { usePerson } from '../api/person';
import { send } from '../api/send';
import { ChangePasswordDocument } from '../gql/graphql';
import { useTexts } from '../i18n/texts';
import { Check } from '../ui/Field';
import { Form, type Values } from '../ui/Form';
import { Card, Page } from '../ui/Page';
import { PasswordField, Whose } from '../ui/PasswordField';
import { tell } from '../ui/toasts';
import { showing } from './StepUp';

export function Password() {
  const { password, fields } = useTexts();
  const person = usePerson();
  // Another key empties the fields.
  const [count, setCount] = useState(0);

  async function change({ currentPassword = '', newPassword = '', keep }: Values): Promise<void> {
    const input = { currentPassword, newPassword, keepOtherSessions: keep !== undefined };
    await showing('currentPassword', send(ChangePasswordDocument, { input }));
    setCount(count + 1);
    tell(password.done);
  }

  return (
    <Page title={password.title} text={password.text}>
      <Card>
        <Form key={count} send={change} submit={password.submit}>
          <Whose email={person?.email ?? ''} />
          <PasswordField name="currentPassword" label={fields.currentPassword} />
          <PasswordField name="newPassword" label={fields.newPassword} isNew />
          <Check name="keep" label={password.keep} hint={password.keepHint} />
        </Form>
      </Card>
    </Page>
  );
}
