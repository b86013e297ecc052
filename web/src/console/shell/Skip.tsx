// The first thing that the keyboard comes to: a way past everything that all pages have.

import { useTexts } from '../i18n/texts';

export function Skip() {
  const { skip } = useTexts();
  // No real link: the `#` in the address is for tokens of mails.
  return (
    <button
      type="button"
      className="skip"
      onClick={() => {
        const heading = document.querySelector<HTMLElement>('#main h1');
        (heading ?? document.querySelector<HTMLElement>('#main'))?.focus();
      }}
    >
      {skip}
    </button>
  );
}
