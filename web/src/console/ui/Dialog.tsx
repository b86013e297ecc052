// A question over the page. The browser's own dialog keeps the focus in it, and gives it back.

import { useEffect, useId, useRef, type ReactNode } from 'react';

interface Props {
  title: string;
  close(): void;
  children: ReactNode;
}

export function Dialog({ title, close, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const element = dialog.current;
    const before = document.activeElement;
    element?.showModal();
    return () => {
      element?.close();
      // What it was opened from may be gone by what was done.
      const next = before?.isConnected ? before : document.querySelector('#main h1');
      if (next instanceof HTMLElement) next.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
    >
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  );
}
