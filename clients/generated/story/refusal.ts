// Errors of the service, typed by an enum that was generated.

import type { Refusal } from './story';

/** An error as it stands in an answer. */
export interface ErrorOfAnswer {
  readonly message: string;
  readonly path?: readonly (string | number)[] | undefined;
  readonly extensions?: Readonly<Record<string, unknown>> | undefined;
}

/** An answer with errors, for clients that have no such thing. */
export class Refused extends Error {
  constructor(readonly errors: readonly ErrorOfAnswer[]) {
    super(errors.map(({ message }) => message).join('\n'));
  }
}

const isFault = (value: unknown): value is { field: string; code: string } =>
  typeof value === 'object' && value !== null && 'field' in value && 'code' in value;

/** The first error, if its code is one of these. */
export function refusalFrom<Code extends string>(
  codes: Readonly<Record<string, Code>>,
  errors: readonly ErrorOfAnswer[],
): Refusal<Code> | null {
  const error = errors[0];
  const { code, status, requestId, fields } = error?.extensions ?? {};
  const known = Object.values(codes).find((one) => one === code);
  if (known === undefined || typeof status !== 'number' || typeof requestId !== 'string') return null;
  const faults = Array.isArray(fields) ? fields.filter(isFault) : [];
  return { code: known, status, requestId, path: error?.path?.join('.') ?? '', fields: faults };
}
