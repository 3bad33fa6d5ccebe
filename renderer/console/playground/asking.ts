import { type FormEvent, useEffect, useRef, useState } from 'react';

/** The models that can do what a panel asks, and the key of all panels: empty where the session pays. */
export type PanelProps = { models: readonly string[]; apiKey: string; onKey(key: string): void };

export type Asking<Answer> = {
  answer: Answer | undefined;
  /** Why there is none: of the relay, or said by the page before anything was sent. */
  problem: unknown;
  isBusy: boolean;
  ask(event: FormEvent): void;
  stop(): void;
};

/** One question at a time, which a person can give up; leaving the page gives it up, too. */
export function useAsking<Answer>(
  send: (signal: AbortSignal, show: (answer: Answer) => void) => Promise<void>,
): Asking<Answer> {
  const [answer, setAnswer] = useState<Answer>();
  const [problem, setProblem] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const running = useRef<AbortController>(undefined);
  const stop = (): void => running.current?.abort();
  useEffect(() => () => running.current?.abort(), []);
  const ask = (event: FormEvent): void => {
    event.preventDefault();
    const controller = new AbortController();
    running.current = controller;
    setBusy(true);
    setProblem(null);
    setAnswer(undefined);
    send(controller.signal, setAnswer)
      .catch((error: unknown) => controller.signal.aborted || setProblem(error))
      .finally(() => setBusy(false));
  };
  return { answer, problem, isBusy, ask, stop };
}

/** A request's members without those that were left out. */
export function saidOf<Body extends object>(body: Body): { [Name in keyof Body]?: Exclude<Body[Name], undefined> } {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined && value !== '')) as never;
}
