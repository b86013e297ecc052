// What the links of the mails about a move of the account open.

import { useState } from 'react';
import { Link } from 'wouter';
import { leaveBy } from '../api/session';
import { send } from '../api/send';
import { ConfirmEmailChangeDocument, UndoEmailChangeDocument } from '../gql/graphql';
import { useTexts } from '../i18n/texts';
import { Alert } from '../ui/Alert';
import { Form } from '../ui/Form';
import { Page } from '../ui/Page';
import { dropLinkToken, linkToken } from './link-token';

interface Props {
  title: string;
  text: string;
  submit: string;
  done: string;
  act(token: string): Promise<unknown>;
}

/** Scanners of mails open links too, hence nothing is sent before a person presses the button. */
function ByLink({ title, text, submit, done, act }: Props) {
  const { reset, verify } = useTexts();
  const [isDone, setDone] = useState(false);
  const token = linkToken();
  const onward = (
    <p className="aside">
      <Link href="/">{verify.go}</Link>
    </p>
  );
  if (isDone) {
    return (
      <Page title={title}>
        <Alert tone="good">{done}</Alert>
        {onward}
      </Page>
    );
  }
  if (token === null) {
    return (
      <Page title={title}>
        <Alert tone="bad">{reset.incomplete}</Alert>
        {onward}
      </Page>
    );
  }
  return (
    <Page title={title} text={text}>
      <Form
        submit={submit}
        send={async () => {
          await act(token);
          dropLinkToken();
          setDone(true);
        }}
      >
        {null}
      </Form>
    </Page>
  );
}

export function ConfirmEmailChange() {
  const { email } = useTexts();
  return (
    <ByLink
      title={email.confirmTitle}
      text={email.confirmText}
      submit={email.confirm}
      done={email.done}
      act={(token) => send(ConfirmEmailChangeDocument, { input: { token } })}
    />
  );
}

export function UndoEmailChange() {
  const { email } = useTexts();
  return (
    <ByLink
      title={email.undoTitle}
      text={email.undoText}
      submit={email.undo}
      done={email.undoDone}
      // Every device is logged out by it.
      act={(token) => leaveBy('undone', () => send(UndoEmailChangeDocument, { input: { token } }))}
    />
  );
}
