// Says what was refused. Where one has to wait the seconds are counted for those who see them; those who hear
// them are told once.

import type { Ref } from 'react';
import type { Refusal } from '../api/refusal';
import { explain } from '../i18n/explain';
import { useTexts } from '../i18n/texts';
import { useWait } from './action';

export function Refused({ refusal, ref }: { refusal: Refusal; ref?: Ref<HTMLDivElement> }) {
  const texts = useTexts();
  const wait = useWait(refusal);
  return (
    <div ref={ref} className="alert alert-bad" tabIndex={-1}>
      <span className="hidden" role="alert">
        {explain(refusal, texts)}
      </span>
      <span aria-hidden="true">{explain(refusal, texts, wait)}</span>
    </div>
  );
}
