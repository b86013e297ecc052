// The dialog that asks for the password again; api/step-up.ts says when.

import { useEffect } from 'react';
import { usePerson } from '../api/person';
import { send } from '../api/send';
import { session } from '../api/session';
import { question } from '../api/step-up';
import { useStore } from '../api/store';
import { faulty, refusalOf } from '../api/refusal';
import { ReauthenticateDocument } from '../gql/graphql';
import { useTexts } from '../i18n/texts';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { Form } from '../ui/Form';
import { PasswordField, Whose } from '../ui/PasswordField';

/** A wrong password belongs to its field. */
export async function showing<T>(name: string, act: Promise<T>): Promise<T> {
  try {
    return await act;
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal.code === 'INVALID_CREDENTIALS') throw faulty([{ name, code: 'WRONG', message: '' }]);
    throw refusal;
  }
}

const reauthenticate = (password: string) => send(ReauthenticateDocument, { input: { password } });

export function StepUp() {
  const { stepUp, fields, cancel } = useTexts();
  const asked = useStore(question);
  const person = usePerson();
  const { status } = useStore(session);
  useEffect(() => {
    // Whoever is logged out meanwhile is asked nothing.
    if (status === 'out') asked?.answer(false);
  }, [status, asked]);
  if (!asked) return null;
  const show = asked.show ?? reauthenticate;
  return (
    <Dialog title={stepUp.title} close={() => asked.answer(false)}>
      <p>{stepUp.text}</p>
      <Form
        submit={stepUp.submit}
        send={async ({ password = '' }) => {
          await showing('password', show(password));
          asked.answer(true);
        }}
        beside={<Button onClick={() => asked.answer(false)}>{cancel}</Button>}
      >
        <Whose email={person?.email ?? ''} />
        <PasswordField name="password" label={fields.password} autoFocus />
      </Form>
    </Dialog>
  );
}
