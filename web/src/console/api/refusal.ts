// What the service or the network has refused, in one form for every page.

import { CombinedGraphQLErrors } from '@apollo/client/errors';

/** A faulty field of the input; `name` is the last part of its path, such as `email`. */
export interface Fault {
  name: string;
  code: string;
  message: string;
  limit?: number | undefined;
}

interface Extensions {
  code?: string;
  reason?: string;
  retryAfter?: number;
  limit?: number;
  fields?: { field: string; code: string; message: string; limit?: number }[];
}

/** No answer of the service came. */
export const UNREACHABLE = 'UNREACHABLE';

/** An answer that is no success. */
export class Refusal extends Error {
  readonly code: string;
  readonly reason: string | undefined;
  /** Seconds to wait before the next attempt. */
  readonly retryAfter: number | undefined;
  readonly faults: readonly Fault[];

  constructor(message: string, extensions: Extensions) {
    super(message);
    this.code = extensions.code ?? 'INTERNAL_SERVER_ERROR';
    this.reason = extensions.reason;
    this.retryAfter = extensions.retryAfter;
    this.faults = (extensions.fields ?? []).map(({ field, ...fault }) => ({
      ...fault,
      name: field.split('.').at(-1) ?? field,
    }));
  }
}

/** A refusal of the page itself: these fields are faulty. */
export function faulty(faults: Fault[]): Refusal {
  const refusal = new Refusal('', { code: 'BAD_USER_INPUT' });
  return Object.assign(refusal, { faults });
}

/** What has gone wrong, whatever was thrown. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (CombinedGraphQLErrors.is(error)) {
    const [first] = error.errors;
    return new Refusal(first?.message ?? '', (first?.extensions ?? {}) as Extensions);
  }
  // Neither fetch nor the link says more of a failed connection than its English text.
  return new Refusal(String(error), { code: UNREACHABLE });
}
