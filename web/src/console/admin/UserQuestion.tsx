// Asks before something is done to an account of somebody else.

import { Check, Field } from '../ui/Field';
import { Confirm } from '../ui/Confirm';
import { tell } from '../ui/toasts';
import { adminClient, administer } from './api';
import {
  AuditLogDocument,
  DeleteUserDocument,
  ForcePasswordResetDocument,
  RevokeUserSessionsDocument,
  SuspendUserDocument,
} from './gql/graphql';
import { useAdminTexts } from './texts';

export type Asked = 'suspend' | 'reset' | 'revoke' | 'delete';

interface Props {
  asked: Asked;
  id: string;
  close(): void;
}

export function UserQuestion({ asked, id, close }: Props) {
  const { user: texts } = useAdminTexts();
  const done = async (text: string) => {
    tell(text);
    await adminClient.refetchQueries({ include: [AuditLogDocument] });
  };
  const simple = {
    reset: {
      document: ForcePasswordResetDocument,
      title: texts.resetTitle,
      text: texts.resetText,
      submit: texts.reset,
      done: texts.resetDone,
    },
    revoke: {
      document: RevokeUserSessionsDocument,
      title: texts.revokeTitle,
      text: texts.revokeText,
      submit: texts.revoke,
      done: texts.revoked,
    },
    delete: {
      document: DeleteUserDocument,
      title: texts.deleteTitle,
      text: texts.deleteText,
      submit: texts.delete,
      done: texts.deleted,
    },
  };
  if (asked !== 'suspend') {
    const { document, title, text, submit, done: said } = simple[asked];
    return (
      <Confirm
        title={title}
        text={text}
        submit={submit}
        close={close}
        act={async () => {
          await administer<unknown, { input: { id: string } }>(document, { input: { id } });
          await done(said);
        }}
      />
    );
  }
  return (
    <Confirm
      title={texts.suspendTitle}
      text={texts.suspendText}
      submit={texts.suspend}
      close={close}
      act={async ({ reason = '', until = '', endSessions }) => {
        const end = until === '' ? null : new Date(until).toISOString();
        const input = { id, reason, until: end, endSessions: endSessions !== undefined };
        await administer(SuspendUserDocument, { input });
        await done(texts.suspendedDone);
      }}
    >
      <Field name="reason" label={texts.reason} maxLength={500} required />
      <Field name="until" label={texts.until} hint={texts.untilHint} type="datetime-local" />
      <Check name="endSessions" label={texts.endSessions} hint={texts.endSessionsHint} />
    </Confirm>
  );
}
