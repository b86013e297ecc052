// What stands where something is awaited. The words come only after a moment: most answers are faster.

import { useTexts } from '../i18n/texts';

export function Loading() {
  return (
    <p className="loading" role="status">
      {useTexts().loading}
    </p>
  );
}
