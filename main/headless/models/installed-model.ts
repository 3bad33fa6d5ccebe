import type { ServedModel } from '../../../shared/protocol/capabilities.ts';
import type { ModelPlace } from './digests.ts';

/** A model whose files lie on this machine. */
export type InstalledModel = ModelPlace & {
  type: ServedModel['type'];
  /** What it does where it is neither a language model nor a text encoder. */
  tasks: readonly string[];
  /** What its owner wants of it, where its files would say something else. */
  task: string | undefined;
  revision: string;
  dtype: string;
  /** Paths of the weights inside the folder. */
  weightsFiles: readonly string[];
  /** SHA-256 of the weights file, hex; of the digests of all, a line each, where they are several. */
  weightsDigest: string;
  /** Weights with their external data. */
  sizeBytes: number;
  contextLength: number;
  dimensions: number | null;
};
