// An instant, in the words of the person's language.

import { useDates } from '../i18n/texts';

export function Time({ at }: { at: string }) {
  return <time dateTime={at}>{useDates().minute(at)}</time>;
}
