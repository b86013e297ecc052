// A gateway before Vestibule and other services: an example to copy.
//
//   SUPERGRAPH=supergraph.graphql NODE_ENV=production node gateway.mjs
//
// SUPERGRAPH  the file that compose.mjs has written; the addresses of the subgraphs are in it
// HOST, PORT  where it listens: 127.0.0.1 and 4000
//
// Vestibule needs FEDERATION=on, and the address of this gateway in TRUSTED_PROXIES.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

import { ApolloGateway, RemoteGraphQLDataSource } from '@apollo/gateway';
import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginDrainHttpServer } from '@apollo/server/plugin/drainHttpServer';
import { ApolloServerPluginLandingPageDisabled } from '@apollo/server/plugin/disabled';
import { expressMiddleware } from '@as-integrations/express5';
import express from 'express';
import { GraphQLError } from 'graphql';

// Without this, @apollo/gateway tells its makers about the machine that it runs on.
process.env.APOLLO_TELEMETRY_DISABLED ??= 'true';

/** What subgraphs get of a client's request. No cookies: they belong to the origin of the service. */
const FORWARDED = [
  'authorization', // whose request it is
  'user-agent', // what a session is called whose client gives no name
  'accept-language', // the language of mails to somebody new
  'idempotency-key', // a mutation that is sent twice is done once
  'traceparent', // the trace that this is part of
  'tracestate',
  'x-request-id', // for subgraphs that take it; Vestibule makes ids of its own
];
/** Longer than REQUEST_TIMEOUT of the service. */
const SUBGRAPH_MS = 35_000;
/** As much as the service takes. */
const BODY_BYTES = 256 * 1024;
const UNAVAILABLE = 'A part of the service does not answer.';

/** For `X-Forwarded-For`: who is at the other end of this connection, after what a proxy before us has said. */
function clientAddresses(request) {
  return [request.headers['x-forwarded-for'], request.socket.remoteAddress].filter(Boolean).join(', ');
}

function forwardedHeaders(request) {
  const headers = FORWARDED.map((name) => [name, request.headers[name]]).filter(([, value]) => value !== undefined);
  return [...headers, ['x-forwarded-for', clientAddresses(request)]];
}

class Subgraph extends RemoteGraphQLDataSource {
  // A token goes where the supergraph says, and no redirect takes it elsewhere.
  fetcher = (url, options) =>
    fetch(url, { ...options, redirect: 'error', signal: AbortSignal.timeout(SUBGRAPH_MS) });

  willSendRequest({ request, context }) {
    for (const [name, value] of context.headers ?? []) request.http.headers.set(name, value);
  }

  // A request that was refused as a whole says why in its body: clients get that, and no address of a subgraph.
  async errorFromResponse(response) {
    const body = await this.parseBody(response).catch(() => null);
    const { message = UNAVAILABLE, extensions } = body?.errors?.[0] ?? {};
    return new GraphQLError(message, { extensions: { code: 'SERVICE_UNAVAILABLE', ...extensions } });
  }

  didEncounterError(error) {
    if (error instanceof GraphQLError) throw error;
    console.error(`${this.url} did not answer: ${error.cause?.code ?? error.name}`);
    throw new GraphQLError(UNAVAILABLE, { extensions: { code: 'SERVICE_UNAVAILABLE' } });
  }
}

const app = express().disable('x-powered-by');
const httpServer = createServer(app);
const server = new ApolloServer({
  gateway: new ApolloGateway({
    supergraphSdl: readFileSync(process.env.SUPERGRAPH, 'utf8'),
    buildService: ({ url }) => new Subgraph({ url }),
  }),
  includeStacktraceInErrorResponses: false,
  plugins: [ApolloServerPluginDrainHttpServer({ httpServer }), ApolloServerPluginLandingPageDisabled()],
});
await server.start();

app.use(
  '/graphql',
  express.json({ limit: BODY_BYTES }),
  expressMiddleware(server, { context: async ({ req }) => ({ headers: forwardedHeaders(req) }) }),
);
// What cannot be read is not repeated, here or in a log: there may be a password in it.
app.use((error, _request, response, _next) => {
  const { status = 500 } = error;
  const code = status < 500 ? 'BAD_USER_INPUT' : 'INTERNAL_SERVER_ERROR';
  response.status(status).json({ errors: [{ message: 'The request cannot be read.', extensions: { code, status } }] });
});

httpServer.listen(Number(process.env.PORT ?? 4000), process.env.HOST ?? '127.0.0.1', () => {
  console.log(`ready at http://${process.env.HOST ?? '127.0.0.1'}:${httpServer.address().port}/graphql`);
});
