// Lists that grow by a button. How many entries are shown stands in the address, so that they are there again
// after a reload or a way back.

import { useState } from 'react';
import { useSearchParams } from 'wouter';
import { useTexts } from '../i18n/texts';
import { useAction } from './action';
import { Button } from './Button';
import { Refused } from './Refused';

/** The most that the service answers at once. */
const MOST = 100;

export function useShown(page: number) {
  const [search, setSearch] = useSearchParams();
  const shown = Number(search.get('show')) || page;
  // What the first request asks for, for as long as the page is there: later ones ask for what comes after.
  const [atFirst] = useState(() => Math.min(Math.max(shown, page), MOST));
  return {
    atFirst,
    add(count: number) {
      setSearch({ show: String(shown + count) }, { replace: true });
    },
  };
}

export function MoreButton({ has, more }: { has: boolean; more(): Promise<unknown> }) {
  const texts = useTexts();
  const { run, isBusy, refusal } = useAction(more);
  if (!has) return null;
  return (
    <div className="more">
      {refusal && <Refused refusal={refusal} />}
      <Button isBusy={isBusy} onClick={() => void run()}>
        {texts.more}
      </Button>
    </div>
  );
}
