// What is left to say after a deletion: until when it can be taken back.

import { Link, useSearchParams } from 'wouter';
import { useDates, useTexts } from '../i18n/texts';
import { Alert } from '../ui/Alert';
import { Page } from '../ui/Page';

export function Deleted() {
  const { data } = useTexts();
  const { minute } = useDates();
  const [search] = useSearchParams();
  const due = search.get('due') ?? '';
  return (
    <Page title={data.deletedTitle}>
      {!Number.isNaN(Date.parse(due)) && <Alert tone="info">{data.deletedText(minute(due))}</Alert>}
      <p className="aside">
        <Link href="/login">{data.login}</Link>
      </p>
    </Page>
  );
}
