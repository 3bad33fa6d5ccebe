import { useCallback, useEffect, useRef, useState } from 'react';
import { sentenceOf } from './api.ts';

/** What was asked of the relay: the last answer stays while a new one is on its way. */
export type Asked<Answer> = { answer: Answer | undefined; problem: string | null; again(): void };

/**
 * Asks when the part appears, when `key` changes, when a person comes back to the page, who may have done something
 * elsewhere meanwhile, and on `again`. An answer that was overtaken is dropped.
 */
export function useAsked<Answer>(key: string, ask: () => Promise<Answer>): Asked<Answer> {
  const [state, setState] = useState<{ key: string; answer?: Answer; problem: string | null }>({ key, problem: null });
  const latest = useRef(ask);
  latest.current = ask;
  const turn = useRef(0);
  const again = useCallback(() => {
    turn.current += 1;
    const mine = turn.current;
    const show = (next: { answer?: Answer; problem: string | null }): void => {
      if (mine === turn.current) setState((before) => ({ ...(before.key === key ? before : {}), ...next, key }));
    };
    latest.current().then(
      (answer) => show({ answer, problem: null }),
      (error: unknown) => show({ problem: sentenceOf(error) }),
    );
  }, [key]);
  useEffect(() => {
    again();
    window.addEventListener('focus', again);
    return () => {
      window.removeEventListener('focus', again);
      turn.current += 1;
    };
  }, [again]);
  const isCurrent = state.key === key;
  return { answer: isCurrent ? state.answer : undefined, problem: isCurrent ? state.problem : null, again };
}

/** Something that is done on a click: whether it is under way, and why it failed. */
export type Doing = { isBusy: boolean; problem: string | null; run(step: () => Promise<unknown>): void };

export function useDoing(): Doing {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const run = (step: () => Promise<unknown>): void => {
    setBusy(true);
    setProblem(null);
    step()
      .catch((error: unknown) => setProblem(sentenceOf(error)))
      .finally(() => setBusy(false));
  };
  return { isBusy, problem, run };
}

/** Calls back once `value` has been the same for a moment, whenever it has changed. */
export function useSettled(value: unknown, onSettled: () => void, ms = 300): void {
  const callback = useRef(onSettled);
  callback.current = onSettled;
  const isFirst = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: that it has changed is all that is asked of the value
  useEffect(() => {
    if (isFirst.current) {
      isFirst.current = false;
      return;
    }
    const timer = setTimeout(() => callback.current(), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
}
