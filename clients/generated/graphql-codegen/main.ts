// The story by the client preset of graphql-codegen: typed documents of text, masked fragments, and `fetch`.

import { Refused, refusalFrom, type ErrorOfAnswer } from '../story/refusal';
import { main, need, play, type Client, type Entrance, type SessionPage, type Tokens } from '../story/story';
import type { Claims, Same } from '../story/types';
import { ErrorCode } from './generated/enums';
import { read } from './generated/fragment-masking';
import * as gql from './generated/graphql';

type Data<Document> = Document extends gql.TypedDocumentString<infer Result, infer _> ? Result : never;

function createClient(url: string): Client<ErrorCode> {
  let accessToken: string | null = null;

  async function ask<Result, Variables>(
    document: gql.TypedDocumentString<Result, Variables>,
    variables: Variables,
  ): Promise<Result> {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json',
        ...(accessToken !== null && { authorization: `Bearer ${accessToken}` }),
      },
      body: JSON.stringify({ query: document.toString(), variables }),
      signal: AbortSignal.timeout(20_000),
    });
    const answer = (await response.json()) as { data?: Result; errors?: readonly ErrorOfAnswer[] };
    if (answer.errors) throw new Refused(answer.errors);
    return need(answer.data, 'data');
  }

  const entrance = (
    payload: Data<typeof gql.RegisterDocument>['register'] | Data<typeof gql.LoginDocument>['login'],
  ): Entrance => ({
    accessToken: need(payload.accessToken, 'access token'),
    refreshToken: need(payload.refreshToken, 'refresh token'),
    accessTokenExpiresAt: need(payload.accessTokenExpiresAt, 'expiry'),
    user: read(gql.PersonFactsFragmentDoc, need(payload.user, 'user')),
    session: read(gql.SessionFactsFragmentDoc, need(payload.session, 'session')),
  });

  return {
    signIn(tokens: Tokens) {
      accessToken = tokens.accessToken;
    },
    async register(input) {
      const { register } = await ask(gql.RegisterDocument, { input });
      return entrance(register);
    },
    async login(input) {
      const { login } = await ask(gql.LoginDocument, { input });
      return entrance(login);
    },
    async me() {
      const { me } = await ask(gql.MeDocument, {});
      return read(gql.PersonFactsFragmentDoc, me);
    },
    async sessions(first, after): Promise<SessionPage> {
      const { me } = await ask(gql.SessionsDocument, { first, after });
      const { edges, ...rest } = need(me?.sessions, 'sessions');
      const nodes = edges.map(({ cursor, node }) => ({ cursor, node: read(gql.SessionFactsFragmentDoc, node) }));
      return { ...rest, edges: nodes };
    },
    async updateProfile(input) {
      const { updateProfile } = await ask(gql.UpdateProfileDocument, { input });
      return read(gql.PersonFactsFragmentDoc, updateProfile.user);
    },
    refusalOf: (error) => (error instanceof Refused ? refusalFrom(ErrorCode, error.errors) : null),
  };
}

type Login = gql.LoginMutation['login'];

export type Types = Claims<[
  Same<gql.PersonFactsFragment['createdAt'], string>,
  Same<gql.PersonFactsFragment['publicMetadata'], unknown>,
  Same<gql.PersonFactsFragment['timeZone'], string | null>,
  Same<gql.PersonFactsFragment['roles'], string[]>,
  Same<Login['accessToken'], string | null>,
  Same<Login['accessTokenExpiresAt'], string>,
  Same<gql.TokenTransport, 'BEARER' | 'COOKIE'>,
]>;

// What must not compile, does not.
export const faults: readonly gql.RegisterInput[] = [
  // @ts-expect-error: it wants a password
  { email: 'ada@example.com', name: 'Ada' },
  // @ts-expect-error: there is no such transport
  { email: 'ada@example.com', name: 'Ada', password: 'correct horse', transport: 'PIGEON' },
  // @ts-expect-error: a default is taken by leaving the field out, not by null
  { email: 'ada@example.com', name: 'Ada', password: 'correct horse', transport: null },
];

// @ts-expect-error: what a fragment has is masked until it is read
export const masked = (data: gql.MeQuery): unknown => data.me?.email;

main(async (url) => {
  await play(createClient(url));
});
