// Makes an account and logs its owner in, unless the service wants the address confirmed first.

import { Link, useLocation } from 'wouter';
import { begin } from '../api/session';
import { send } from '../api/send';
import { RegisterDocument } from '../gql/graphql';
import { useLanguage, useTexts } from '../i18n/texts';
import { Field } from '../ui/Field';
import { Form, type Values } from '../ui/Form';
import { Page } from '../ui/Page';
import { PasswordField } from '../ui/PasswordField';
import { keepTicket } from './tickets';

export function Register() {
  const texts = useTexts();
  const locale = useLanguage();
  const [, go] = useLocation();

  async function register({ email = '', password = '', name = '' }: Values): Promise<void> {
    const input = { email, password, name, locale, transport: 'COOKIE' } as const;
    const { register: answer } = await send(RegisterDocument, { input });
    const { user, verificationTicket } = answer;
    keepTicket('verify', verificationTicket, email);
    if (user) await begin({ ...answer, user });
    go('/verify-email', { replace: true });
  }

  return (
    <Page title={texts.register.title}>
      <Form send={register} submit={texts.register.submit}>
        <Field name="name" label={texts.fields.name} autoComplete="name" required />
        <Field name="email" label={texts.fields.email} type="email" autoComplete="username" required />
        <PasswordField name="password" label={texts.fields.password} isNew />
      </Form>
      <p className="aside">
        {texts.register.existing} <Link href="/login">{texts.register.login}</Link>
      </p>
    </Page>
  );
}
