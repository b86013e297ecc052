// Something that a person sets going: whether it is under way, and what was refused.

import { useEffect, useRef, useState } from 'react';
import { refusalOf, type Refusal } from '../api/refusal';

export interface Action<A extends unknown[], R> {
  /** The outcome; undefined when it was refused. */
  run(...args: A): Promise<R | undefined>;
  isBusy: boolean;
  refusal: Refusal | null;
  forget(): void;
}

export function useAction<A extends unknown[], R>(act: (...args: A) => Promise<R>): Action<A, R> {
  const [isBusy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const busy = useRef(false);
  return {
    isBusy,
    refusal,
    forget: () => setRefusal(null),
    async run(...args) {
      if (busy.current) return undefined;
      busy.current = true;
      setBusy(true);
      setRefusal(null);
      try {
        return await act(...args);
      } catch (error) {
        setRefusal(refusalOf(error));
        return undefined;
      } finally {
        busy.current = false;
        setBusy(false);
      }
    },
  };
}

/** Seconds that are left to wait, counted down. */
export function useWait(refusal: Refusal | null): number {
  const [left, setLeft] = useState(0);
  useEffect(() => {
    const end = Date.now() + 1000 * (refusal?.retryAfter ?? 0);
    const count = () => {
      const seconds = Math.max(0, Math.ceil((end - Date.now()) / 1000));
      setLeft(seconds);
      if (seconds === 0) clearInterval(timer);
    };
    const timer = setInterval(count, 500);
    count();
    return () => clearInterval(timer);
  }, [refusal]);
  return left;
}
