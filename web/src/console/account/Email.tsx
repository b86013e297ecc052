// The e-mail address, and the move to another one.

import { useState } from 'react';
import { Link } from 'wouter';
import { usePerson } from '../api/person';
import { send } from '../api/send';
import { ConfirmEmailChangeDocument, RequestEmailChangeDocument } from '../gql/graphql';
import { useTexts } from '../i18n/texts';
import { Button } from '../ui/Button';
import { CodeField, Field } from '../ui/Field';
import { Form } from '../ui/Form';
import { Loading } from '../ui/Loading';
import { Card, Page } from '../ui/Page';
import { tell } from '../ui/toasts';
import { dropTicket, keepTicket, ticketFor } from './tickets';

function Move() {
  const texts = useTexts();
  const [kept, setKept] = useState(() => ticketFor('move'));
  const forget = () => {
    dropTicket('move');
    setKept(null);
  };
  if (kept) {
    return (
      <>
        <p>{texts.email.sent(kept.email)}</p>
        <Form
          key="confirm"
          submit={texts.email.confirm}
          send={async ({ code = '' }) => {
            await send(ConfirmEmailChangeDocument, { input: { ticket: kept.ticket, code } });
            forget();
            tell(texts.email.done);
          }}
          beside={<Button onClick={forget}>{texts.cancel}</Button>}
        >
          <CodeField />
        </Form>
      </>
    );
  }
  return (
    <>
      <p>{texts.email.text}</p>
      <Form
        key="request"
        submit={texts.email.submit}
        send={async ({ newEmail = '' }) => {
          const { requestEmailChange } = await send(RequestEmailChangeDocument, { input: { newEmail } });
          keepTicket('move', requestEmailChange.ticket, newEmail);
          setKept(ticketFor('move'));
        }}
      >
        <Field name="newEmail" label={texts.fields.newEmail} type="email" autoComplete="email" required />
      </Form>
    </>
  );
}

export function Email() {
  const texts = useTexts();
  const person = usePerson();
  if (!person) return <Loading />;
  return (
    <Page title={texts.email.title}>
      <Card title={texts.email.current}>
        <p className="current">
          <strong>{person.email}</strong>{' '}
          <span className={person.emailVerified ? 'badge badge-good' : 'badge badge-warn'}>
            {person.emailVerified ? texts.email.verified : texts.email.unverified}
          </span>
        </p>
        {!person.emailVerified && (
          <p>
            <Link href="/verify-email">{texts.verify.bannerLink}</Link>
          </p>
        )}
      </Card>
      <Card title={texts.email.change}>
        <Move />
      </Card>
    </Page>
  );
}
