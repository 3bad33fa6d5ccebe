import { useEffect, useState } from 'react';
import { type IpcAnswer, takeAnswer } from '../../shared/ipc/answer.ts';
import type { AppState } from '../../shared/ipc/app-state.ts';
import type { UiBridge, UiCallName } from '../../shared/ipc/ui-channels.ts';
import type { UiInput, UiOutput } from '../../shared/ipc/ui-contract.ts';

declare global {
  interface Window {
    /** Given by the preload of the app's window. */
    readonly sparewatt: UiBridge;
  }
}

/** What a call was refused with: the app's own sentence, and the place in the input that it is about. */
export type Refusal = { code: string; message: string; param?: string | undefined };

type InputOf<Name extends UiCallName> = UiInput<Name> extends null ? [] : [UiInput<Name>];

/** Asks the app. Errors: what the app refuses with, as `refusalOf` reads it. */
export async function ask<Name extends UiCallName>(name: Name, ...input: InputOf<Name>): Promise<UiOutput<Name>> {
  const call = window.sparewatt[name] as (...input: unknown[]) => Promise<IpcAnswer<UiOutput<Name>>>;
  return takeAnswer(await call(...input));
}

export function refusalOf(error: unknown): Refusal {
  if (!(error instanceof Error)) return { code: 'internal', message: String(error) };
  const { code, param } = error as Error & { code?: unknown; param?: unknown };
  return {
    code: typeof code === 'string' ? code : 'internal',
    message: error.message,
    param: typeof param === 'string' ? param : undefined,
  };
}

/** The whole state of the app as it was told last; undefined before the first time. */
export type StateStore = {
  state(): AppState | undefined;
  /** Returns how to stop listening. */
  onChange(listener: () => void): () => void;
};

export function startStateStore(): StateStore {
  const listeners = new Set<() => void>();
  let state: AppState | undefined;
  const take = (next: AppState): void => {
    state = next;
    for (const listener of listeners) listener();
  };
  window.sparewatt.onState(take);
  // What is told meanwhile is newer than this answer.
  void ask('getState').then((first) => state ?? take(first));
  return {
    state: () => state,
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** What a call answered, asked again whenever `key` is another; `undefined` before the first answer. */
export function useAnswer<Value>(fetchValue: () => Promise<Value>, key: unknown): Value | undefined {
  const [value, setValue] = useState<Value>();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key says when to ask again; the function is new each time.
  useEffect(() => {
    let isWanted = true;
    fetchValue().then(
      (found) => isWanted && setValue(found),
      () => undefined,
    );
    return () => {
      isWanted = false;
    };
  }, [key]);
  return value;
}

/** The time of day, again every `everyMs` while somebody looks at it. */
export function useNow(everyMs: number, isWanted: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!isWanted) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs, isWanted]);
  return now;
}
