// Asks for the password where the service wants to see it again, and repeats the operation.

import { ApolloLink } from '@apollo/client/link';
import { Observable } from 'rxjs';
import { createStore } from './store';

type Show = (password: string) => Promise<unknown>;

interface Question {
  /** Shows the password to the service; without it, in the session of the cookies. */
  show?: Show | undefined;
  /** Called with true when the password was good, with false when the person gave up. */
  answer(isGood: boolean): void;
}

/** What the dialog asks now. */
export const question = createStore<Question | null>(null);

/** Several operations may need it at once: there is one question for all. */
let asked: Promise<boolean> | undefined;

function askAgain(show: Show | undefined): Promise<boolean> {
  asked ??= new Promise<boolean>((done) => {
    question.set({ show, answer: done });
  }).finally(() => {
    question.set(null);
    asked = undefined;
  });
  return asked;
}

const isWanted = ({ errors }: ApolloLink.Result) =>
  errors?.some(({ extensions }) => extensions?.code === 'REAUTHENTICATION_REQUIRED') ?? false;

export const withStepUp = (show?: Show) =>
  new ApolloLink(
    (operation, forward) =>
      new Observable((observer) => {
        let isLast = true;
        const first = forward(operation).subscribe({
          next: (result) => {
            if (!isWanted(result)) return observer.next(result);
            isLast = false;
            void askAgain(show).then((isGood) => {
              if (isGood) return void forward(operation).subscribe(observer);
              observer.next(result);
              observer.complete();
            });
          },
          error: (error) => observer.error(error),
          complete: () => {
            if (isLast) observer.complete();
          },
        });
        return () => first.unsubscribe();
      }),
  );
