// Logs a person in, by cookie.

import { Link } from 'wouter';
import { begin, session } from '../api/session';
import { send } from '../api/send';
import { useStore } from '../api/store';
import { LoginDocument } from '../gql/graphql';
import { useTexts } from '../i18n/texts';
import { Alert } from '../ui/Alert';
import { Field } from '../ui/Field';
import { Form, type Values } from '../ui/Form';
import { Page } from '../ui/Page';
import { PasswordField } from '../ui/PasswordField';

async function logIn({ email = '', password = '' }: Values): Promise<void> {
  const input = { email, password, transport: 'COOKIE' } as const;
  const { login } = await send(LoginDocument, { input });
  await begin(login);
}

export function Login() {
  const texts = useTexts();
  const state = useStore(session);
  const farewell = state.status === 'out' ? state.farewell : null;
  return (
    <Page title={texts.login.title}>
      {farewell && (
        <Alert tone={farewell === 'ended' || farewell === 'expired' ? 'info' : 'good'}>
          {texts.farewell[farewell]}
        </Alert>
      )}
      <Form
        send={logIn}
        submit={texts.login.submit}
        beside={<Link href="/forgotten-password">{texts.login.forgotten}</Link>}
      >
        <Field name="email" label={texts.fields.email} type="email" autoComplete="username" required />
        <PasswordField name="password" label={texts.fields.password} />
      </Form>
      <p className="aside">
        {texts.login.none} <Link href="/register">{texts.login.register}</Link>
      </p>
    </Page>
  );
}
