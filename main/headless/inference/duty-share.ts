import { FULL_DUTY_PERCENT } from '../../../shared/runtimes/duty.ts';

export type DutyShare = {
  /** What each model may take of the time now. */
  percent(): number;
  /** The model counts among those that work until `work` has settled. */
  during<Value>(model: string, work: () => Promise<Value>): Promise<Value>;
  /** Called whenever `percent` would answer differently. */
  onChange(listener: () => void): void;
  /** Looks whether the owner wants another limit. */
  look(): void;
};

/** No limit, for whoever has no owner to ask. */
export const FULL_DUTY: DutyShare = {
  percent: () => FULL_DUTY_PERCENT,
  during: (_model, work) => work(),
  onChange: () => undefined,
  look: () => undefined,
};

/**
 * Shares out the part of the time that an owner lets their machine compute: models rest each for themselves, so that of
 * several that work at once each has its share of it, and all together never compute for longer than the owner wants.
 */
export function createDutyShare(limit: () => number): DutyShare {
  const working = new Map<string, number>();
  const listeners: (() => void)[] = [];
  const percent = (): number => {
    const most = limit();
    return most >= FULL_DUTY_PERCENT ? FULL_DUTY_PERCENT : most / Math.max(1, working.size);
  };
  let told = FULL_DUTY_PERCENT;
  const look = (): void => {
    const next = percent();
    if (next === told) return;
    told = next;
    for (const listener of listeners) listener();
  };
  const count = (model: string, by: 1 | -1): void => {
    const jobs = (working.get(model) ?? 0) + by;
    if (jobs === 0) working.delete(model);
    else working.set(model, jobs);
    look();
  };
  return {
    percent,
    during: async (model, work) => {
      count(model, 1);
      try {
        return await work();
      } finally {
        count(model, -1);
      }
    },
    onChange: (listener) => void listeners.push(listener),
    look,
  };
}
