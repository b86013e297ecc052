// Buttons, and links that look like them.

import type { ButtonHTMLAttributes, Ref } from 'react';
import { useTexts } from '../i18n/texts';

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  tone?: 'main' | 'plain' | 'danger';
  /** Something is under way: the button keeps the focus and does nothing. */
  isBusy?: boolean;
  ref?: Ref<HTMLButtonElement>;
}

export function Button({ tone = 'plain', isBusy = false, type = 'button', children, onClick, ...more }: Props) {
  const { working } = useTexts();
  return (
    <button
      {...more}
      type={type}
      className={`button button-${tone}`}
      aria-disabled={isBusy || undefined}
      onClick={(event) => {
        if (isBusy) event.preventDefault();
        else onClick?.(event);
      }}
    >
      {isBusy ? working : children}
    </button>
  );
}
