// When a token is to be replaced, by the clock of the service.

/** Replacing a token takes a request; half a minute is plenty for it. */
const LONGEST_MARGIN = 30_000;
/** Of tokens that live for seconds, this part is kept for the refresh. */
const MARGIN = 0.2;
/** `Date` has whole seconds, and the answer took its time: less than this is no difference. */
const LEAST_OFFSET = 5_000;

/** The clock of the service, as far as its answers tell it. Times are milliseconds since 1970. */
export class ServiceClock {
  #offset = 0;

  now(): number {
    return Date.now() + this.#offset;
  }

  /** Takes the header `Date` of an answer, which pages of another origin do not see. */
  note(date: string | null): void {
    const told = date === null ? Number.NaN : Date.parse(date);
    if (Number.isNaN(told)) return;
    const offset = told - Date.now();
    this.#offset = Math.abs(offset) < LEAST_OFFSET ? 0 : offset;
  }
}

/** How long before its expiry a token is replaced that is good for `lifetime` milliseconds. */
export function marginOf(lifetime: number): number {
  return Math.min(LONGEST_MARGIN, lifetime * MARGIN);
}
