import { Problem } from '../../../shared/problems/problem.ts';
import { type Placed, type PlaceOptions, placeModel, type ServedPlace, takenBy, USUAL_DEVICE } from './place-model.ts';

export type PlaceKeeper = {
  /** Chooses devices anew; `why` is told to jobs whose model has to move. Errors: those of the store. */
  placeAgain(why: string): Promise<void>;
};

/**
 * Moves models to other devices while they are served.
 *
 * Invariants: (1) what may not stay leaves at once, before anything is chosen or measured, and its jobs are handed back;
 * (2) no process starts for a model between its leaving and its arrival; (3) one choice of all models at a time, in the order
 * in which they are served, so that the first have the first right to a GPU's memory.
 */
export function createPlaceKeeper(served: ReadonlyMap<string, ServedPlace>, options: PlaceOptions): PlaceKeeper {
  let turn: Promise<void> = Promise.resolve();

  const leaving = (): ServedPlace[] => {
    const staying: ServedPlace[] = [];
    return [...served.values()].filter((entry) => {
      const { installed, device } = entry;
      const mayStay = options.chooseDevice?.mayStay(installed, device.name, takenBy(staying)) ?? true;
      if (mayStay) staying.push(entry);
      return !mayStay;
    });
  };
  const chooseAll = async (why: string): Promise<void> => {
    const placed: ServedPlace[] = [];
    for (const entry of served.values()) {
      const { device } = entry;
      const next = await placeModel(entry.request, entry.installed, takenBy(placed), options);
      // What has had to leave in the meantime is placed by the next turn.
      if (entry.device === device) await moveTo(entry, next, why);
      placed.push(entry);
    }
  };
  return {
    placeAgain: async (why) => {
      await Promise.all(leaving().map((entry) => moveTo(entry, usualPlaceOf(entry), why)));
      const next = turn.then(() => chooseAll(why));
      turn = next.catch(() => undefined);
      await next;
    },
  };
}

function usualPlaceOf({ installed }: Placed): Placed {
  return { installed, device: { name: USUAL_DEVICE, trials: [] } };
}

async function moveTo(entry: ServedPlace, next: Placed, why: string): Promise<void> {
  const isSame = next.device.name === entry.device.name && next.installed.dtype === entry.installed.dtype;
  const { promise, resolve } = Promise.withResolvers<void>();
  entry.placing = promise;
  try {
    if (!isSame) await entry.worker.restart(movedProblem(entry.installed.id, why));
    Object.assign(entry, next);
  } finally {
    resolve();
  }
}

function movedProblem(model: string, why: string): Problem {
  return new Problem('handed_back', `The node moves '${model}' to another device, ${why}.`);
}
