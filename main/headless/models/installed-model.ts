import type { ServedModel } from '../../../shared/protocol/capabilities.ts';

/** A model whose files lie on this machine. */
export type InstalledModel = {
  id: string;
  type: ServedModel['type'];
  /** Absolute path of the folder in transformers.js layout. */
  folder: string;
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
