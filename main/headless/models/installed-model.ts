import type { InstalledFacts } from '../../../shared/runtimes/transformers/served-model.ts';
import type { ModelPlace } from './digests.ts';

/** A model whose files lie on this machine. */
export type InstalledModel = ModelPlace &
  InstalledFacts & {
    /** What its owner wants of it, where its files would say something else. */
    task: string | undefined;
    /** Paths of the weights inside the folder. */
    weightsFiles: readonly string[];
  };
