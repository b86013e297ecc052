// There is no such page.

import { Link } from 'wouter';
import { useTexts } from '../i18n/texts';
import { Page } from '../ui/Page';

export function NotFound() {
  const { notFound } = useTexts();
  return (
    <Page title={notFound.title} text={notFound.text}>
      <p>
        <Link href="/profile">{notFound.home}</Link>
      </p>
    </Page>
  );
}
