// What an operation is, and what its answer says.

import type { ApolloLink } from '@apollo/client/link';
import { Kind, OperationTypeNode, type DocumentNode, type FieldNode, type SelectionSetNode } from 'graphql';

import { isUnauthenticated, reasonOf, type Reason, type ServiceError } from '../session/refusal.js';

/** What nobody has to be signed in for, and what a stale token must not hold up. */
const PUBLIC: ReadonlySet<string> = new Set([
  'login',
  'register',
  'refresh',
  'requestPasswordReset',
  'resetPassword',
  'undoEmailChange',
]);

/** What may begin a session. */
const BEGINNINGS: ReadonlySet<string> = new Set(['login', 'register']);

/** The fields at the root of the operation, in fragments too. */
function rootFields(document: DocumentNode): FieldNode[] {
  const fragments = new Map<string, SelectionSetNode>();
  let root: SelectionSetNode | undefined;
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition.selectionSet);
    else if (definition.kind === Kind.OPERATION_DEFINITION) root ??= definition.selectionSet;
  }
  const fields: FieldNode[] = [];
  const seen = new Set<SelectionSetNode>();
  const walk = (set: SelectionSetNode | undefined) => {
    if (!set || seen.has(set)) return;
    seen.add(set);
    for (const selection of set.selections) {
      if (selection.kind === Kind.FIELD) fields.push(selection);
      else if (selection.kind === Kind.INLINE_FRAGMENT) walk(selection.selectionSet);
      else walk(fragments.get(selection.name.value));
    }
  };
  walk(root);
  return fields;
}

const isAll = (operation: ApolloLink.Operation, names: ReadonlySet<string>): boolean =>
  operation.operationType === OperationTypeNode.MUTATION &&
  rootFields(operation.query).every(({ name }) => names.has(name.value) || name.value === '__typename');

export const isSubscription = ({ operationType }: ApolloLink.Operation): boolean =>
  operationType === OperationTypeNode.SUBSCRIPTION;

export const isPublic = (operation: ApolloLink.Operation): boolean => isAll(operation, PUBLIC);

export const beginsSession = (operation: ApolloLink.Operation): boolean => isAll(operation, BEGINNINGS);

/** Whether an answer has something: a login that was refused has not. */
export const hasData = ({ data }: ApolloLink.Result): boolean =>
  Object.values(data ?? {}).some((value) => value !== null && typeof value === 'object');

/** How the service refused an operation. */
export interface Refusal {
  readonly reason: Reason;
  /** Whether it can be sent again: nothing of it has happened, or it changes nothing. */
  readonly isRepeatable: boolean;
}

/** How an answer refuses the caller; null if it does not. */
export function refusalOf(operation: ApolloLink.Operation, { data, errors }: ApolloLink.Result): Refusal | null {
  const found = errors as readonly ServiceError[] | undefined;
  const reason = reasonOf(found);
  if (reason === undefined) return null;
  return { reason, isRepeatable: isRepeatable(operation, data, found!) };
}

/**
 * A query is. Of a mutation each field at the root must itself have been refused: one that was let in has
 * happened, also where a field below it was refused. A refusal without a path is one of the whole request.
 */
function isRepeatable(operation: ApolloLink.Operation, data: unknown, errors: readonly ServiceError[]): boolean {
  if (operation.operationType === OperationTypeNode.QUERY) return true;
  const refusals = errors.filter(isUnauthenticated);
  if (data == null && errors.every((error) => isUnauthenticated(error) && !error.path)) return true;
  const keys = rootFields(operation.query).map(({ alias, name }) => (alias ?? name).value);
  return keys.every((key) => refusals.some(({ path }) => path?.length === 1 && path[0] === key));
}
