// Asks for the mail with the way to a new password.

import { Link, useLocation } from 'wouter';
import { send } from '../api/send';
import { RequestPasswordResetDocument } from '../gql/graphql';
import { useTexts } from '../i18n/texts';
import { Field } from '../ui/Field';
import { Form, type Values } from '../ui/Form';
import { Page } from '../ui/Page';
import { keepTicket } from './tickets';

export function ForgottenPassword() {
  const { forgotten, fields } = useTexts();
  const [, go] = useLocation();

  async function request({ email = '' }: Values): Promise<void> {
    const { requestPasswordReset } = await send(RequestPasswordResetDocument, { input: { email } });
    keepTicket('reset', requestPasswordReset.ticket, email);
    go('/reset-password');
  }

  return (
    <Page title={forgotten.title} text={forgotten.text}>
      <Form send={request} submit={forgotten.submit} beside={<Link href="/login">{forgotten.back}</Link>}>
        <Field name="email" label={fields.email} type="email" autoComplete="username" required />
      </Form>
    </Page>
  );
}
