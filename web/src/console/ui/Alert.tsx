// A message that belongs to what stands around it.

import type { ReactNode, Ref } from 'react';

interface Props {
  tone: 'good' | 'bad' | 'info';
  children: ReactNode;
  ref?: Ref<HTMLDivElement>;
}

export function Alert({ tone, children, ref }: Props) {
  return (
    <div ref={ref} className={`alert alert-${tone}`} role={tone === 'bad' ? 'alert' : 'status'} tabIndex={-1}>
      {children}
    </div>
  );
}
