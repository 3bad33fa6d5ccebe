/** A part of the seam to transformers.js (see `environment.ts`): a model whose passes keep to the pace that its owner wants. */
import type { LoadOptions } from './environment.ts';

type Passing = { run(...inputs: unknown[]): Promise<unknown> };

/** The same model. All its graphs are run through their sessions, by the library as by our own loop. */
export function paced<Model extends { sessions: object }>(model: Model, { pace }: Pick<LoadOptions, 'pace'>): Model {
  if (pace === undefined) return model;
  const sessions: readonly Passing[] = Object.values(model.sessions);
  // One that stands under two names waits once.
  for (const session of new Set(sessions)) {
    const run = session.run.bind(session);
    session.run = (...inputs) => pace.pass(() => run(...inputs));
  }
  return model;
}
