// Chooses a new password, by the link of a mail or by its code.

import { Link, useLocation } from 'wouter';
import { leaveBy } from '../api/session';
import { send } from '../api/send';
import { ResetPasswordDocument } from '../gql/graphql';
import { useTexts } from '../i18n/texts';
import { Alert } from '../ui/Alert';
import { CodeField } from '../ui/Field';
import { Form, type Values } from '../ui/Form';
import { Page } from '../ui/Page';
import { PasswordField } from '../ui/PasswordField';
import { dropLinkToken, linkToken } from './link-token';
import { dropTicket, ticketFor } from './tickets';

export function ResetPassword() {
  const { reset, fields } = useTexts();
  const [, go] = useLocation();
  const token = linkToken();
  const kept = ticketFor('reset');

  async function change({ code = '', newPassword = '' }: Values): Promise<void> {
    const proof = token !== null ? { token } : { ticket: kept?.ticket ?? '', code };
    // Every device is logged out by it, this one included.
    await leaveBy('password', () => send(ResetPasswordDocument, { input: { ...proof, newPassword } }));
    dropLinkToken();
    dropTicket('reset');
    go('/login', { replace: true });
  }

  if (token === null && !kept) {
    return (
      <Page title={reset.title}>
        <Alert tone="bad">{reset.incomplete}</Alert>
        <p className="aside">
          <Link href="/forgotten-password">{reset.ask}</Link>
        </p>
      </Page>
    );
  }
  return (
    <Page title={reset.title} text={token === null ? reset.sent : reset.text}>
      <Form send={change} submit={reset.submit} beside={<Link href="/forgotten-password">{reset.ask}</Link>}>
        {token === null && <CodeField />}
        <PasswordField name="newPassword" label={fields.newPassword} isNew />
      </Form>
    </Page>
  );
}
