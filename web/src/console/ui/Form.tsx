// A form that says what is wrong where it is wrong, and moves the focus there.

import { createContext, useContext, useEffect, useRef, useState, type ReactNode } from 'react';
import { faulty, refusalOf, type Fault, type Refusal } from '../api/refusal';
import { Button } from './Button';
import { Refused } from './Refused';
import { useWait } from './action';

export type Values = Record<string, string>;

const Faults = createContext<readonly Fault[]>([]);

/** What is wrong with a field of the form around. */
export const useFault = (name: string) => useContext(Faults).find((fault) => fault.name === name);

interface Props {
  /** Sends what was entered; `all` has what several boxes of one name say. What it throws is shown. */
  send(values: Values, all: FormData): Promise<unknown>;
  submit: string;
  tone?: 'main' | 'danger';
  /** Stands beside the button. */
  beside?: ReactNode;
  children: ReactNode;
}

/** The names of the fields that need something and have nothing. */
function missing(form: HTMLFormElement): Fault[] {
  return Array.from(form.elements)
    .filter((one): one is HTMLInputElement => one instanceof HTMLInputElement && one.required)
    .filter((input) => (input.type === 'checkbox' ? !input.checked : input.value.trim() === ''))
    .map(({ name }) => ({ name, code: 'REQUIRED', message: '' }));
}

function valuesOf(all: FormData): Values {
  const pairs = [...all].filter((pair): pair is [string, string] => typeof pair[1] === 'string');
  return Object.fromEntries(pairs);
}

export function Form({ send, submit, tone = 'main', beside, children }: Props) {
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [isBusy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const alert = useRef<HTMLDivElement>(null);
  const wait = useWait(refusal);
  useEffect(() => {
    if (!refusal) return;
    const field = form.current?.querySelector<HTMLElement>('[aria-invalid="true"]');
    (field ?? alert.current)?.focus();
  }, [refusal]);

  async function go(element: HTMLFormElement) {
    const faults = missing(element);
    if (faults.length > 0) return setRefusal(faulty(faults));
    setBusy(true);
    setRefusal(null);
    try {
      const all = new FormData(element);
      await send(valuesOf(all), all);
    } catch (error) {
      setRefusal(refusalOf(error));
    } finally {
      setBusy(false);
    }
  }

  // `post`, so that no browser ever puts what was entered into an address.
  return (
    <form
      ref={form}
      method="post"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (!isBusy && wait === 0) void go(event.currentTarget);
      }}
    >
      <Faults value={refusal?.faults ?? []}>
        {refusal && <Refused ref={alert} refusal={refusal} />}
        {children}
      </Faults>
      <div className="form-foot">
        <Button type="submit" tone={tone} isBusy={isBusy} disabled={wait > 0}>
          {submit}
        </Button>
        {beside}
      </div>
    </form>
  );
}
