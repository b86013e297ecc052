// The name of the service, which leads to the first page.

import { Link } from 'wouter';

export function Brand() {
  return (
    <Link href="/" className="brand">
      <svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" focusable="false">
        <path d="M5 21V9a7 7 0 0 1 14 0v12M2.5 21h19" />
        <path d="M9.5 21v-9a2.5 2.5 0 0 1 5 0v9" />
      </svg>
      Vestibule
    </Link>
  );
}
