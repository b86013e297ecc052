import type { GraphiQLProps } from 'graphiql';

type Fetcher = GraphiQLProps['fetcher'];

/** Same-origin: the page is served by the service whose API it calls. */
const ENDPOINT = '/graphql';

export const fetcher: Fetcher = async (params, options) => {
  const headers = new Headers({
    'content-type': 'application/json',
    accept: 'application/graphql-response+json, application/json',
  });
  for (const [name, value] of Object.entries(options?.headers ?? {})) {
    headers.set(name, String(value));
  }
  const response = await fetch(ENDPOINT, {
    method: 'POST',
    credentials: 'same-origin',
    headers,
    body: JSON.stringify(params),
  });
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    // Not an answer of the GraphQL layer: a proxy, a body limit, a time-out.
    const status = `HTTP ${response.status} ${response.statusText}`.trim();
    return { errors: [{ message: text ? `${status}: ${text.slice(0, 2000)}` : status }] };
  }
};
