// The story by Relay, with the second page and a refetch by the queries that its compiler generates for them.

import assert from 'node:assert/strict';

import {
  commitMutation,
  createOperationDescriptor,
  fetchQuery,
  getFragment,
  getPaginationMetadata,
  getPaginationVariables,
  getRefetchMetadata,
  getRequest,
  getSingularSelector,
  graphql,
  type GraphQLTaggedNode,
  type IEnvironment,
  type MutationParameters,
  type OperationType,
} from 'relay-runtime';

import { Refused, refusalFrom } from '../story/refusal';
import { main, need, play, tellAlso, type Client, type Entrance, type SessionPage } from '../story/story';
import type { Claims, Same } from '../story/types';
import type { mainLoginMutation } from './__generated__/mainLoginMutation.graphql';
import type { mainMeQuery } from './__generated__/mainMeQuery.graphql';
import type { mainPerson$data, mainPerson$key } from './__generated__/mainPerson.graphql';
import type { mainRegisterMutation, RegisterInput, TokenTransport } from './__generated__/mainRegisterMutation.graphql';
import type { mainRenameMutation } from './__generated__/mainRenameMutation.graphql';
import type { mainSession$key } from './__generated__/mainSession.graphql';
import type { mainSessionList$key } from './__generated__/mainSessionList.graphql';
import type { mainSessionsQuery } from './__generated__/mainSessionsQuery.graphql';
import type { mainUpdateProfileMutation } from './__generated__/mainUpdateProfileMutation.graphql';
import { createService, type Service } from './environment';
import { ErrorCode } from './generated/enums';

const PERSON = graphql`
  fragment mainPerson on User {
    id
    email
    emailVerified
    name
    timeZone
    roles
    createdAt
    version
    publicMetadata
  }
`;

const SESSION = graphql`
  fragment mainSession on Session @refetchable(queryName: "mainSessionRefetchQuery") {
    id
    deviceName
    current
    createdAt
  }
`;

const SESSION_LIST = graphql`
  fragment mainSessionList on User
  @argumentDefinitions(count: { type: "Int!" }, cursor: { type: "String" })
  @refetchable(queryName: "mainSessionListPaginationQuery") {
    id
    sessions(first: $count, after: $cursor) @connection(key: "mainSessionList_sessions") {
      totalCount
      pageInfo {
        hasNextPage
        endCursor
      }
      edges {
        cursor
        node {
          ...mainSession
        }
      }
    }
  }
`;

const ME = graphql`
  query mainMeQuery {
    me {
      ...mainPerson
    }
  }
`;

const SESSIONS = graphql`
  query mainSessionsQuery($count: Int!) {
    me {
      ...mainSessionList @arguments(count: $count)
    }
  }
`;

const REGISTER = graphql`
  mutation mainRegisterMutation($input: RegisterInput!) {
    register(input: $input) {
      accessToken
      refreshToken
      accessTokenExpiresAt
      user {
        ...mainPerson
      }
      session {
        ...mainSession
      }
    }
  }
`;

const LOGIN = graphql`
  mutation mainLoginMutation($input: LoginInput!) {
    login(input: $input) {
      accessToken
      refreshToken
      accessTokenExpiresAt
      user {
        ...mainPerson
      }
      session {
        ...mainSession
      }
    }
  }
`;

const UPDATE_PROFILE = graphql`
  mutation mainUpdateProfileMutation($input: UpdateProfileInput!) {
    updateProfile(input: $input) {
      user {
        ...mainPerson
      }
    }
  }
`;

/** Answers with nothing that the store could learn of. */
const RENAME = graphql`
  mutation mainRenameMutation($input: RenameSessionInput!) {
    renameSession(input: $input) {
      session {
        __typename
      }
    }
  }
`;

interface Key {
  readonly ' $data'?: unknown;
  readonly ' $fragmentSpreads': unknown;
}

/** What the store has of a fragment, all of which must be there. */
function read<K extends Key>(environment: IEnvironment, fragment: GraphQLTaggedNode, key: K): NonNullable<K[' $data']> {
  const { data, isMissingData } = environment.lookup(getSingularSelector(getFragment(fragment), key));
  assert.ok(data && !isMissingData, 'the store lacks something');
  return data as NonNullable<K[' $data']>;
}

/** Asks the service, and keeps the answer in the store. */
async function ask<Query extends OperationType>(
  environment: IEnvironment,
  query: GraphQLTaggedNode,
  variables: Query['variables'],
): Promise<Query['response']> {
  environment.retain(createOperationDescriptor(getRequest(query), variables));
  return need(await fetchQuery<Query>(environment, query, variables).toPromise(), 'answer');
}

const commit = <Mutation extends MutationParameters>(
  environment: IEnvironment,
  mutation: GraphQLTaggedNode,
  variables: Mutation['variables'],
): Promise<Mutation['response']> =>
  new Promise((onCompleted, onError) => {
    commitMutation<Mutation>(environment, { mutation, variables, onCompleted, onError });
  });

/** The next page of a connection goes to those that the store has, as `usePaginationFragment` has it. */
async function loadNext(environment: IEnvironment, list: mainSessionList$key, count: number): Promise<void> {
  const fragment = getFragment(SESSION_LIST);
  const { paginationRequest, paginationMetadata } = getPaginationMetadata(fragment, 'main');
  const { identifierInfo } = getRefetchMetadata(fragment, 'main');
  const { id, sessions } = read(environment, SESSION_LIST, list);
  const { variables } = getSingularSelector(fragment, list);
  const cursor = sessions?.pageInfo.endCursor;
  await ask(environment, paginationRequest, {
    ...getPaginationVariables('forward', count, cursor, variables, {}, paginationMetadata),
    [need(identifierInfo, 'identifier').identifierQueryVariableName ?? 'id']: id,
  });
}

/** What the service has of a session goes to the store, as `useRefetchableFragment` has it. */
async function refetch(environment: IEnvironment, session: mainSession$key): Promise<void> {
  const { refetchableRequest, identifierInfo } = getRefetchMetadata(getFragment(SESSION), 'main');
  const { id } = read(environment, SESSION, session);
  await ask(environment, refetchableRequest, {
    [need(identifierInfo, 'identifier').identifierQueryVariableName ?? 'id']: id,
  });
}

function createClient({ environment, signIn }: Service): Client<ErrorCode> {
  const person = (key: mainPerson$key) => read(environment, PERSON, key);
  const session = (key: mainSession$key) => read(environment, SESSION, key);
  const pages = (key: mainSessionList$key) => need(read(environment, SESSION_LIST, key).sessions, 'sessions');

  const entrance = (
    payload: mainRegisterMutation['response']['register'] | mainLoginMutation['response']['login'],
  ): Entrance => ({
    accessToken: need(payload.accessToken, 'access token'),
    refreshToken: need(payload.refreshToken, 'refresh token'),
    accessTokenExpiresAt: need(payload.accessTokenExpiresAt, 'expiry'),
    user: person(need(payload.user, 'user')),
    session: session(need(payload.session, 'session')),
  });

  let list: mainSessionList$key | null = null;

  return {
    signIn: ({ accessToken }) => signIn(accessToken),
    async register(input) {
      return entrance((await commit<mainRegisterMutation>(environment, REGISTER, { input })).register);
    },
    async login(input) {
      return entrance((await commit<mainLoginMutation>(environment, LOGIN, { input })).login);
    },
    async me() {
      const { me } = await ask<mainMeQuery>(environment, ME, {});
      return me && person(me);
    },
    async sessions(first, after): Promise<SessionPage> {
      if (after === null) {
        const { me } = await ask<mainSessionsQuery>(environment, SESSIONS, { count: first });
        list = need(me, 'person');
      } else {
        await loadNext(environment, need(list, 'first page'), first);
      }
      // The store has all pages in one.
      const { edges, ...rest } = pages(need(list, 'list'));
      const begin = edges.findIndex(({ cursor }) => cursor === after) + 1;
      const page = edges.slice(begin).map(({ cursor, node }) => ({ cursor, node: session(node) }));
      return { ...rest, edges: page };
    },
    async updateProfile(input) {
      const { updateProfile } = await commit<mainUpdateProfileMutation>(environment, UPDATE_PROFILE, { input });
      return person(updateProfile.user);
    },
    refusalOf: (error) => (error instanceof Refused ? refusalFrom(ErrorCode, error.errors) : null),
  };
}

/** Both pages are in the connection; a session that has changed behind the store's back is asked for by its id. */
async function pagesAndRefetch(url: string, { accessToken }: Entrance): Promise<void> {
  const { environment, signIn } = createService(url);
  signIn(accessToken);
  const { me } = await ask<mainSessionsQuery>(environment, SESSIONS, { count: 1 });
  const list: mainSessionList$key = need(me, 'person');
  const edges = () => need(read(environment, SESSION_LIST, list).sessions, 'sessions').edges;
  const names = () => edges().map(({ node }) => read<mainSession$key>(environment, SESSION, node).deviceName);
  assert.deepEqual(names(), ['second device']);
  await loadNext(environment, list, 1);
  assert.deepEqual(names(), ['second device', 'first device']);
  tellAlso('the pagination query, through node, appends the second page to the connection');

  const other: mainSession$key = need(edges()[1], 'second session').node;
  const { id } = read(environment, SESSION, other);
  await commit<mainRenameMutation>(environment, RENAME, { input: { id, deviceName: 'old phone' } });
  assert.deepEqual(names(), ['second device', 'first device']);
  await refetch(environment, other);
  assert.deepEqual(names(), ['second device', 'old phone']);
  tellAlso('the refetch query of a session, through node, brings its new name into the store');
}

export type Types = Claims<[
  Same<mainPerson$data['createdAt'], string>,
  Same<mainPerson$data['publicMetadata'], unknown>,
  Same<mainPerson$data['timeZone'], string | null>,
  Same<mainPerson$data['roles'], readonly string[]>,
  Same<mainLoginMutation['response']['login']['accessToken'], string | null>,
  Same<mainLoginMutation['response']['login']['accessTokenExpiresAt'], string>,
  Same<TokenTransport, 'BEARER' | 'COOKIE' | '%future added value'>,
]>;

// What must not compile, does not.
export const faults: readonly RegisterInput[] = [
  // @ts-expect-error: it wants a password
  { email: 'ada@example.com', name: 'Ada' },
  // @ts-expect-error: there is no such transport
  { email: 'ada@example.com', name: 'Ada', password: 'correct horse', transport: 'PIGEON' },
  // @ts-expect-error: a default is taken by leaving the field out, not by null
  { email: 'ada@example.com', name: 'Ada', password: 'correct horse', transport: null },
  // @ts-expect-error: nor by undefined
  { email: 'ada@example.com', name: 'Ada', password: 'correct horse', transport: undefined },
];

main(async (url) => {
  const entrance = await play(createClient(createService(url)));
  await pagesAndRefetch(url, entrance);
});
