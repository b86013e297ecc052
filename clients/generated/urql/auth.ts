// The session of a Vestibule service in urql, for tokens in memory. Copy this file.

import { makeOperation, type CombinedError, type Exchange, type Operation } from '@urql/core';
import { authExchange } from '@urql/exchange-auth';
import { Kind } from 'graphql';

import { ErrorCode, UnauthenticatedReason } from './generated/enums';
import { RefreshDocument } from './generated/operations';

export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
  /** An instant as the service writes it. */
  readonly accessTokenExpiresAt: string;
}

export interface Options {
  /** Told when the session has ended: forget what was cached. */
  readonly onEnd?: () => void;
  /** Whether tokens are replaced before they expire; else only when the service refuses one. */
  readonly ahead?: boolean;
}

export interface Auth {
  readonly exchange: Exchange;
  /** Takes the answer of `login` or `register`; null forgets the tokens. */
  signIn(tokens: Tokens | null): void;
}

/** What needs no token: it would only make a login wait for a refresh. */
const PUBLIC = new Set(['login', 'register', 'refresh', 'requestPasswordReset', 'resetPassword', 'undoEmailChange']);

/** At the most, how long before its expiry a token is replaced, in milliseconds; of a short life, a fifth. */
const AHEAD = 30_000;

const isPublic = ({ query }: Operation): boolean =>
  query.definitions.some(
    (definition) =>
      definition.kind === Kind.OPERATION_DEFINITION &&
      definition.selectionSet.selections.some((field) => field.kind === Kind.FIELD && PUBLIC.has(field.name.value)),
  );

/** Why the service wants other credentials, if that is what it says. */
function reasonOf(error: CombinedError): unknown {
  const refused = error.graphQLErrors.find(({ extensions }) => extensions['code'] === ErrorCode.Unauthenticated);
  return refused?.extensions['reason'];
}

const ENDED: readonly unknown[] = [UnauthenticatedReason.SessionRevoked, UnauthenticatedReason.SessionExpired];

export function createAuth({ onEnd = () => {}, ahead = true }: Options = {}): Auth {
  let tokens: Tokens | null = null;
  let refreshAt = Infinity;
  /** The access token that has to be replaced. */
  let stale: string | null = null;

  function keep(next: Tokens | null): void {
    tokens = next;
    const life = next === null ? Infinity : Date.parse(next.accessTokenExpiresAt) - Date.now();
    refreshAt = Date.now() + life - Math.min(AHEAD, life / 5);
  }

  function end(): void {
    if (tokens === null) return;
    keep(null);
    onEnd();
  }

  const exchange = authExchange(async ({ appendHeaders, mutate }) => ({
    addAuthToOperation(operation) {
      if (tokens === null || isPublic(operation)) return operation;
      const { accessToken } = tokens;
      const { kind, context, ...request } = appendHeaders(operation, { authorization: `Bearer ${accessToken}` });
      return makeOperation(kind, request, { ...context, accessToken });
    },

    willAuthError(operation) {
      if (!ahead || tokens === null || Date.now() < refreshAt || isPublic(operation)) return false;
      stale = tokens.accessToken;
      return true;
    },

    didAuthError(error, { context }) {
      const reason = reasonOf(error);
      if (reason === undefined || reason === UnauthenticatedReason.Missing) return false;
      const sent: unknown = context['accessToken'];
      if (ENDED.includes(reason)) {
        // That of an earlier session may be refused late, when another has begun.
        if (sent === tokens?.accessToken) end();
        return false;
      }
      stale = typeof sent === 'string' ? sent : null;
      return tokens !== null;
    },

    async refreshAuth() {
      // A request may come back with a token that was replaced meanwhile: it is only repeated.
      if (tokens === null || stale !== tokens.accessToken) return;
      const { refreshToken } = tokens;
      const { data, error } = await mutate(RefreshDocument, { input: { refreshToken } });
      if (tokens?.refreshToken !== refreshToken) return; // Somebody has logged in or out meanwhile.
      if (data) {
        const { accessToken, refreshToken: next, accessTokenExpiresAt } = data.refresh;
        if (accessToken === null || next === null) throw new Error('a refresh without cookies has no tokens');
        keep({ accessToken, refreshToken: next, accessTokenExpiresAt });
        return;
      }
      if (error?.graphQLErrors.some(({ extensions }) => isFinal(extensions['code']))) end();
      // Whoever waits gets this. If the tokens are still there, the next operation tries again.
      throw error ?? new Error('there was no answer to a refresh');
    },
  }));

  return { exchange, signIn: keep };
}

const isFinal = (code: unknown): boolean => code === ErrorCode.TokenInvalid || code === ErrorCode.Unauthenticated;
