import { createContext, useContext, useSyncExternalStore } from 'react';
import type { Api } from './api.ts';
import type { Live, LiveView } from './live.ts';

/** What every part of the console may use. */
export type Surroundings = { api: Api; live: Live };

export const SurroundingsContext = createContext<Surroundings | undefined>(undefined);

export function useSurroundings(): Surroundings {
  const surroundings = useContext(SurroundingsContext);
  if (surroundings === undefined) throw new Error('This part stands outside of the console.');
  return surroundings;
}

export function useApi(): Api {
  return useSurroundings().api;
}

export function useLive(): LiveView {
  const { live } = useSurroundings();
  return useSyncExternalStore(live.onChange, live.view);
}
