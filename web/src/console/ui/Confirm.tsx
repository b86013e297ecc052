// Asks before something is done that cannot be taken back.

import { Button } from './Button';
import { Dialog } from './Dialog';
import { Form } from './Form';
import { useTexts } from '../i18n/texts';
import type { ReactNode } from 'react';
import type { Values } from './Form';

interface Props {
  title: string;
  text?: string;
  submit: string;
  tone?: 'main' | 'danger';
  act(values: Values, all: FormData): Promise<unknown>;
  close(): void;
  children?: ReactNode;
}

export function Confirm({ title, text, submit, tone = 'danger', act, close, children }: Props) {
  const { cancel } = useTexts();
  return (
    <Dialog title={title} close={close}>
      {text !== undefined && <p>{text}</p>}
      <Form
        submit={submit}
        tone={tone}
        send={async (values, all) => {
          await act(values, all);
          close();
        }}
        beside={<Button onClick={close}>{cancel}</Button>}
      >
        {children}
      </Form>
    </Dialog>
  );
}
