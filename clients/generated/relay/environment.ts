// An environment of Relay for a Vestibule service, for tokens in memory.

import { Environment, Network, RecordSource, Store, type FetchFunction, type IEnvironment } from 'relay-runtime';

import { Refused, type ErrorOfAnswer } from '../story/refusal';

export interface Service {
  readonly environment: IEnvironment;
  signIn(accessToken: string): void;
}

export function createService(url: string): Service {
  let accessToken: string | null = null;

  const ask: FetchFunction = async ({ text, name }, variables) => {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json',
        ...(accessToken !== null && { authorization: `Bearer ${accessToken}` }),
      },
      body: JSON.stringify({ query: text, operationName: name, variables }),
      signal: AbortSignal.timeout(20_000),
    });
    const answer = await response.json();
    // Relay itself makes an error only of an answer without data, and keeps no extensions for those who read it.
    if (answer.errors) throw new Refused(answer.errors as ErrorOfAnswer[]);
    return answer;
  };

  return {
    environment: new Environment({ network: Network.create(ask), store: new Store(new RecordSource()) }),
    signIn(token) {
      accessToken = token;
    },
  };
}
