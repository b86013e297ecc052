// Tickets make the code of a mail usable in this tab. They are kept over a reload, and no longer than the tab.

export type Purpose = 'verify' | 'reset' | 'move';

interface Kept {
  ticket: string;
  email: string;
}

const key = (purpose: Purpose) => `vestibule-console/ticket/${purpose}`;

/** Where storage is blocked by the browser's settings, they live as long as the page. */
const memory = new Map<Purpose, Kept>();

export function keepTicket(purpose: Purpose, ticket: string, email: string): void {
  memory.set(purpose, { ticket, email });
  try {
    sessionStorage.setItem(key(purpose), JSON.stringify({ ticket, email } satisfies Kept));
  } catch {
    // Then there is the memory.
  }
}

export function ticketFor(purpose: Purpose): Kept | null {
  const known = memory.get(purpose);
  if (known) return known;
  try {
    const text = sessionStorage.getItem(key(purpose));
    return text === null ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

export function dropTicket(purpose: Purpose): void {
  memory.delete(purpose);
  try {
    sessionStorage.removeItem(key(purpose));
  } catch {
    // Then it was not there.
  }
}
