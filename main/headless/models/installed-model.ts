import type { ServedModel } from '../../../shared/protocol/capabilities.ts';
import type { ModelPlace } from './digests.ts';

/** A model whose files lie on this machine. */
export type InstalledModel = ModelPlace & {
  type: ServedModel['type'];
  revision: string;
  dtype: string;
  /** Path of the weights inside the folder. */
  weightsFile: string;
  /** SHA-256 of the weights file, hex. */
  weightsDigest: string;
  /** Weights with their external data. */
  sizeBytes: number;
  contextLength: number;
  dimensions: number | null;
};
