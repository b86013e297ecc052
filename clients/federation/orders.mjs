// The second subgraph of the tests: orders, kept in memory, of people whom Vestibule knows.
//
//   node orders.mjs
//
// ISSUER  PUBLIC_URL of Vestibule, without a slash at the end: http://localhost:8080
// PORT    where it listens on 127.0.0.1: 4001
//
// It gets the caller's token from the gateway and verifies it by itself, with the published keys. It knows people and
// sessions by their ids alone.

import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginInlineTraceDisabled } from '@apollo/server/plugin/disabled';
import { startStandaloneServer } from '@apollo/server/standalone';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { GraphQLError, parse } from 'graphql';
import { createRemoteJWKSet, jwtVerify } from 'jose';

import { ordersSdl } from './compose.mjs';

const MOST = 100;

/** Tells whose token it is: a function of the header `Authorization`. */
function verifier(issuer) {
  const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));
  return async (authorization) => {
    if (!authorization) return null;
    try {
      const token = authorization.replace(/^Bearer /i, '');
      const options = { issuer, audience: 'vestibule', typ: 'at+jwt', algorithms: ['EdDSA'] };
      const { payload } = await jwtVerify(token, keys, options);
      return { id: payload.sub, session: payload.sid };
    } catch {
      throw new GraphQLError('The access token is not valid.', { extensions: { code: 'UNAUTHENTICATED' } });
    }
  };
}

function page(orders, first) {
  if (first < 0 || first > MOST) {
    throw new GraphQLError(`first must be 0 to ${MOST}.`, { extensions: { code: 'BAD_USER_INPUT' } });
  }
  const edges = orders.slice(0, first).map((order) => ({ cursor: order.id, node: order }));
  const [startCursor, endCursor] = [edges.at(0)?.cursor, edges.at(-1)?.cursor];
  return { edges, pageInfo: { hasNextPage: orders.length > first, hasPreviousPage: false, startCursor, endCursor } };
}

function resolversFor(orders) {
  return {
    Query: { recentOrders: (_, { first }) => page(orders, first) },
    Mutation: {
      placeOrder: async (_, { input }, { caller }) => {
        const buyer = await caller();
        if (!buyer) throw new GraphQLError('You must be logged in.', { extensions: { code: 'UNAUTHENTICATED' } });
        const order = { ...input, id: `order_${orders.length + 1}`, buyer: buyer.id, session: buyer.session };
        orders.unshift(order);
        return { order };
      },
    },
    User: {
      __resolveReference: ({ id }) => ({ id }),
      orders: async ({ id }, { first }, { caller }) =>
        (await caller())?.id === id ? page(orders.filter(({ buyer }) => buyer === id), first) : null,
    },
    Order: {
      __resolveReference: ({ id }) => orders.find((order) => order.id === id) ?? null,
      buyer: ({ buyer }) => ({ id: buyer }),
      session: async ({ buyer, session }, _, { caller }) => ((await caller())?.id === buyer ? { id: session } : null),
    },
  };
}

/** Starts it: `{ url, requests, stop }`. `requests` has the headers and the document of each. */
export async function startOrders(issuer, port = 0) {
  const requests = [];
  const verify = verifier(issuer);
  const server = new ApolloServer({
    schema: buildSubgraphSchema({ typeDefs: parse(ordersSdl), resolvers: resolversFor([]) }),
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    plugins: [ApolloServerPluginInlineTraceDisabled()],
  });
  const { url } = await startStandaloneServer(server, {
    listen: { host: '127.0.0.1', port },
    context: async ({ req }) => {
      requests.push({ headers: req.headers, query: req.body.query });
      return { caller: () => verify(req.headers.authorization) };
    },
  });
  return { url, requests, stop: () => server.stop() };
}

if (process.argv[1] === import.meta.filename) {
  const { url } = await startOrders(process.env.ISSUER ?? 'http://localhost:8080', Number(process.env.PORT ?? 4001));
  console.log(`ready at ${url}`);
}
