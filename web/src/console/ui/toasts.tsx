// Short messages at the foot of the window, which are also read aloud.

import { useEffect } from 'react';
import { createStore, useStore } from '../api/store';
import { useTexts } from '../i18n/texts';

interface Toast {
  id: number;
  text: string;
}

const SHOWN = 8000;
const toasts = createStore<readonly Toast[]>([]);
let last = 0;

export function tell(text: string): void {
  last += 1;
  // The newest three: more of them would hide the page.
  toasts.set([...toasts.get().slice(-2), { id: last, text }]);
}

const dismiss = (id: number) => toasts.set(toasts.get().filter((toast) => toast.id !== id));

function One({ id, text }: Toast) {
  const { dismiss: label } = useTexts();
  useEffect(() => {
    const timer = setTimeout(() => dismiss(id), SHOWN);
    return () => clearTimeout(timer);
  }, [id]);
  return (
    <div className="toast">
      <span>{text}</span>
      <button type="button" aria-label={label} onClick={() => dismiss(id)}>
        ×
      </button>
    </div>
  );
}

/** The region has to be there before its messages, or they are not read. */
export function Toasts() {
  const shown = useStore(toasts);
  return (
    <div className="toasts" role="status" aria-live="polite" aria-atomic="false">
      {shown.map((toast) => (
        <One key={toast.id} {...toast} />
      ))}
    </div>
  );
}
