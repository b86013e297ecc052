// What a refusal says to the person.

import type { Fault, Refusal } from '../api/refusal';
import type { Texts } from './en';

/** Refusals after which one waits. */
const WAITING = new Set(['RATE_LIMITED', 'OVERLOADED', 'SERVICE_UNAVAILABLE']);

/** A time to wait, in words. */
export function spell(seconds: number, { time }: Texts): string {
  return seconds < 100 ? time.seconds(seconds) : time.minutes(Math.ceil(seconds / 60));
}

/** What is wrong with a field. */
export function explainFault(fault: Fault, { faults }: Texts): string {
  const { name, code, limit } = fault;
  if (code === 'INVALID_FORMAT' && (name === 'email' || name === 'newEmail')) return faults.email;
  if (code === 'INVALID_FORMAT' && name === 'code') return faults.code;
  const known: string | ((limit: number | undefined) => string) | undefined = faults[code as keyof typeof faults];
  if (known === undefined) return fault.message;
  return typeof known === 'function' ? known(limit) : known;
}

/** What is wrong with the whole. `wait` is how many seconds are left of it, 0 when one may try again. */
export function explain(refusal: Refusal, texts: Texts, wait = refusal.retryAfter ?? 0): string {
  const { errors } = texts;
  if (refusal.faults.length > 0) return errors.faults;
  const said = errors[refusal.code as keyof typeof errors];
  const known = typeof said === 'string' ? said : errors.other;
  if (!WAITING.has(refusal.code)) return known;
  if (refusal.retryAfter === undefined) return `${known} ${errors.later}`;
  return `${known} ${wait > 0 ? errors.wait(spell(wait, texts)) : errors.again}`;
}
