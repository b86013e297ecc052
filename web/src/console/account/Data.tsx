// The person's data: taken along, or erased with the account.

import { useState } from 'react';
import { useLocation } from 'wouter';
import { leaveBy } from '../api/session';
import { send } from '../api/send';
import { DeleteAccountDocument, ExportMyDataDocument } from '../gql/graphql';
import { useTexts } from '../i18n/texts';
import { useAction } from '../ui/action';
import { Button } from '../ui/Button';
import { Confirm } from '../ui/Confirm';
import { Card, Page } from '../ui/Page';
import { Refused } from '../ui/Refused';
import { tell } from '../ui/toasts';

/** Lets the browser save a file that the page has made. */
function save(name: string, data: unknown): void {
  const url = URL.createObjectURL(new Blob([JSON.stringify(data, null, 2)], { type: 'application/json' }));
  const link = Object.assign(document.createElement('a'), { href: url, download: name });
  link.click();
  // Some browsers read it only after a while.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export function Data() {
  const { data: texts } = useTexts();
  const [isAsking, setAsking] = useState(false);
  const [, go] = useLocation();
  const exportAll = useAction(async () => {
    const { exportMyData } = await send(ExportMyDataDocument, {});
    save('vestibule-data.json', exportMyData.data);
    tell(texts.exported);
  });

  async function deleteAccount(): Promise<void> {
    await leaveBy('logged-out', async () => {
      const { deleteAccount: answer } = await send(DeleteAccountDocument, {});
      go(`/deleted?due=${encodeURIComponent(answer.deletionDueAt)}`, { replace: true });
    });
  }

  return (
    <Page title={texts.title}>
      <Card title={texts.exportTitle}>
        <p>{texts.exportText}</p>
        {exportAll.refusal && <Refused refusal={exportAll.refusal} />}
        <Button isBusy={exportAll.isBusy} onClick={() => void exportAll.run()}>
          {texts.export}
        </Button>
      </Card>
      <Card title={texts.deleteTitle} tone="danger">
        <p>{texts.deleteText}</p>
        <Button tone="danger" onClick={() => setAsking(true)}>
          {texts.delete}
        </Button>
      </Card>
      {isAsking && (
        <Confirm
          title={texts.confirmTitle}
          text={texts.confirmText}
          submit={texts.confirm}
          act={deleteAccount}
          close={() => setAsking(false)}
        />
      )}
    </Page>
  );
}
