// A server that renders pages at the host whose cookies the service sets, such as behind one proxy with it: one
// client for each request. New cookies are taken before the first byte of the page is sent.

import { createServer } from 'node:http';

import { ApolloClient, gql, InMemoryCache } from '@apollo/client';
import { createCookieJar, createVestibule } from '@vestibule/apollo-link';

export function createPages(endpoint: string) {
  return createServer(async (request, response) => {
    const cookies = createCookieJar(request.headers.cookie);
    const auth = createVestibule({
      endpoint,
      mode: 'cookie',
      cookies,
      // The service believes it from here if this server is one of its TRUSTED_PROXIES.
      headers: { 'X-Forwarded-For': request.socket.remoteAddress ?? '' },
    });
    try {
      await auth.restore(); // refreshes, if need be
      response.setHeader('Set-Cookie', cookies.takeSetCookies());
      response.setHeader('Cache-Control', 'private, no-store');
      const client = new ApolloClient({ ssrMode: true, link: auth.link, cache: new InMemoryCache() });
      const { data } = await client.query<any>({ query: gql`query { me { id name } }` });
      response.end(`Hello ${data.me?.name ?? 'stranger'}`);
    } catch {
      response.writeHead(503).end('Try again.');
    } finally {
      auth.dispose();
    }
  });
}
