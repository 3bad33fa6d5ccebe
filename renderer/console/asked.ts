import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { RelayProblem } from './api.ts';
import { useSurroundings } from './surroundings.ts';

const RETRY_MS = 5_000;

/** What was asked of the relay: the last answer stays while a new one is on its way. */
export type Asked<Answer> = { answer: Answer | undefined; problem: Error | null; again(): void };

/**
 * Asks when the part appears, when `key` changes, when a person comes back to the page, who may have done something
 * elsewhere meanwhile, when news were missed, and on `again`. An answer that is older than the one that is shown is dropped;
 * one that is only older than the question is not, or a slow relay with much to tell would never be heard. What failed by
 * the relay's fault is asked again a little later.
 */
export function useAsked<Answer>(key: string, ask: () => Promise<Answer>): Asked<Answer> {
  const [state, setState] = useState<{ key: string; answer?: Answer; problem: Error | null }>({ key, problem: null });
  const latest = useRef(ask);
  latest.current = ask;
  const turn = useRef(0);
  const shown = useRef(0);
  const retry = useRef<ReturnType<typeof setTimeout>>(undefined);
  const again = useCallback(() => {
    turn.current += 1;
    const mine = turn.current;
    clearTimeout(retry.current);
    const show = (next: { answer?: Answer; problem: Error | null }): void => {
      if (mine < shown.current) return;
      shown.current = mine;
      setState((before) => ({ ...(before.key === key ? before : {}), ...next, key }));
    };
    latest.current().then(
      (answer) => show({ answer, problem: null }),
      (error: unknown) => {
        show({ problem: asError(error) });
        if (mine === turn.current && mayPass(error)) retry.current = setTimeout(again, RETRY_MS);
      },
    );
  }, [key]);
  useEffect(() => {
    again();
    window.addEventListener('focus', again);
    return () => {
      window.removeEventListener('focus', again);
      clearTimeout(retry.current);
      turn.current += 1;
      shown.current = turn.current;
    };
  }, [again]);
  useSettled(useResets(), again, 0);
  const isCurrent = state.key === key;
  return { answer: isCurrent ? state.answer : undefined, problem: isCurrent ? state.problem : null, again };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** Whether the same may be answered later: neither is it wrong, nor forbidden. */
function mayPass(error: unknown): boolean {
  return error instanceof RelayProblem && (error.status === 0 || error.status === 429 || error.status >= 500);
}

/** How often what the relay told before has ceased to count. */
function useResets(): number {
  const { live } = useSurroundings();
  return useSyncExternalStore(live.onChange, () => live.view().resets);
}

/** Something that is done on a click: whether it is under way, and why it failed. */
export type Doing = { isBusy: boolean; problem: Error | null; run(step: () => Promise<unknown>): void };

export function useDoing(): Doing {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Error | null>(null);
  const run = (step: () => Promise<unknown>): void => {
    setBusy(true);
    setProblem(null);
    step()
      .catch((error: unknown) => setProblem(asError(error)))
      .finally(() => setBusy(false));
  };
  return { isBusy, problem, run };
}

/** Calls back a moment after `value` has changed, and each moment while it goes on changing: what never rests is told, too. */
export function useSettled(value: unknown, onSettled: () => void, ms = 300): void {
  const callback = useRef(onSettled);
  callback.current = onSettled;
  const seen = useRef(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const latest = useRef(value);
  latest.current = value;
  useEffect(() => {
    const wait = (): void => {
      if (timer.current !== undefined || Object.is(seen.current, latest.current)) return;
      seen.current = latest.current;
      timer.current = setTimeout(() => {
        timer.current = undefined;
        callback.current();
        // What has changed since the moment began may have come too late for that call.
        wait();
      }, ms);
    };
    wait();
  });
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      timer.current = undefined;
    },
    [],
  );
}
