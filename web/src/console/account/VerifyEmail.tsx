// Confirms the e-mail address, by the link of a mail or by its code.

import { useState } from 'react';
import { Link } from 'wouter';
import { usePerson } from '../api/person';
import { session } from '../api/session';
import { send } from '../api/send';
import { useStore } from '../api/store';
import { RequestEmailVerificationDocument, VerifyEmailDocument, type VerifyEmailInput } from '../gql/graphql';
import { useTexts } from '../i18n/texts';
import { useAction } from '../ui/action';
import { Alert } from '../ui/Alert';
import { Button } from '../ui/Button';
import { CodeField } from '../ui/Field';
import { Form } from '../ui/Form';
import { Loading } from '../ui/Loading';
import { Page } from '../ui/Page';
import { Refused } from '../ui/Refused';
import { tell } from '../ui/toasts';
import { dropLinkToken, linkToken } from './link-token';
import { dropTicket, keepTicket, ticketFor } from './tickets';

function Done({ text }: { text: string }) {
  const { verify, login } = useTexts();
  const isIn = useStore(session).status === 'in';
  return (
    <>
      <Alert tone="good">{text}</Alert>
      <p className="aside">
        <Link href={isIn ? '/profile' : '/login'}>{isIn ? verify.go : login.title}</Link>
      </p>
    </>
  );
}

/** By the code: of the mail that was sent at the registration, or of another one. */
function ByCode({ verify }: { verify(input: VerifyEmailInput): Promise<void> }) {
  const texts = useTexts();
  const person = usePerson();
  const [kept, setKept] = useState(() => ticketFor('verify'));
  const email = person?.email ?? kept?.email ?? '';
  const again = useAction(async () => {
    const input = person ? {} : { email };
    const { requestEmailVerification } = await send(RequestEmailVerificationDocument, { input });
    keepTicket('verify', requestEmailVerification.ticket, email);
    if (kept) tell(texts.verify.sent);
    setKept(ticketFor('verify'));
  });
  const resend = (
    <Button isBusy={again.isBusy} onClick={() => void again.run()}>
      {kept ? texts.verify.again : texts.verify.send}
    </Button>
  );
  return (
    <>
      {again.refusal && <Refused refusal={again.refusal} />}
      {kept ? (
        <>
          <p className="page-text">{texts.verify.code(email)}</p>
          <Form
            submit={texts.verify.submit}
            send={({ code = '' }) => verify({ ticket: kept.ticket, code })}
            beside={resend}
          >
            <CodeField />
          </Form>
        </>
      ) : (
        <p>{email === '' ? texts.reset.incomplete : resend}</p>
      )}
      <p className="aside">
        <Link href={person ? '/profile' : '/login'}>{person ? texts.profile.title : texts.login.title}</Link>
      </p>
    </>
  );
}

export function VerifyEmail() {
  const { verify } = useTexts();
  const person = usePerson();
  const { status } = useStore(session);
  const [isDone, setDone] = useState(false);
  const token = linkToken();

  async function confirm(input: VerifyEmailInput): Promise<void> {
    await send(VerifyEmailDocument, { input });
    dropLinkToken();
    dropTicket('verify');
    setDone(true);
  }

  const content = () => {
    if (isDone) return <Done text={verify.done} />;
    if (token !== null) {
      return (
        <>
          <p className="page-text">{verify.link}</p>
          <Form submit={verify.submit} send={() => confirm({ token })}>
            {null}
          </Form>
        </>
      );
    }
    if (status === 'unknown') return <Loading />;
    if (person?.emailVerified) return <Done text={verify.already} />;
    return <ByCode verify={confirm} />;
  };
  return <Page title={verify.title}>{content()}</Page>;
}
