import { ApolloClient, InMemoryCache } from '@apollo/client';
import { ApolloLink } from '@apollo/client/link';
import { parse } from 'graphql';
import { of } from 'rxjs';
import { expect, it } from 'vitest';
import { question, withStepUp } from './step-up';

const WANTED = { data: null, errors: [{ message: '', extensions: { code: 'REAUTHENTICATION_REQUIRED' } }] };
const DONE = { data: { done: true } };

/** Sends a mutation to a service that wants the password the first time; `sent` counts what it gets. */
function client() {
  const seen = { sent: 0 };
  const service = new ApolloLink(() => of((seen.sent += 1) === 1 ? WANTED : DONE));
  const apollo = new ApolloClient({ link: withStepUp().concat(service), cache: new InMemoryCache() });
  return { seen, send: () => apollo.mutate({ mutation: parse('mutation { done }') }) };
}

async function asked() {
  await new Promise((done) => setTimeout(done));
  const now = question.get();
  if (!now) throw new Error('nothing is asked');
  return now;
}

it('asks for the password and repeats the operation', async () => {
  const { seen, send } = client();
  const answer = send();
  (await asked()).answer(true);
  expect((await answer).data).toEqual({ done: true });
  expect(seen.sent).toBe(2);
  expect(question.get()).toBeNull();
});

it('passes the refusal on when the person gives up', async () => {
  const { seen, send } = client();
  const answer = send();
  (await asked()).answer(false);
  await expect(answer).rejects.toThrow();
  expect(seen.sent).toBe(1);
});
