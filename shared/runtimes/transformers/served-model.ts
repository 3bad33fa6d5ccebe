import type { ServedModel } from '../../protocol/capabilities.ts';
import type { Execution } from '../../protocol/messages.ts';

/** What is known of a model whose files are here, wherever they lie and whatever runs them. */
export type InstalledFacts = {
  id: string;
  type: ServedModel['type'];
  /** What it does where it is neither a language model nor a text encoder. */
  tasks: readonly string[];
  revision: string;
  dtype: string;
  /** SHA-256 of the weights file, hex; of the digests of all, a line each, where they are several. */
  weightsDigest: string;
  /** Weights with their external data. */
  sizeBytes: number;
  /** In tokens. */
  contextLength: number;
  dimensions: number | null;
};

const RUNTIME_NAME = 'transformers.js';

/** What a node says of a model that it serves on this device. */
export function servedModelOf(facts: InstalledFacts, device: string): Omit<ServedModel, 'state'> {
  const { id, type, tasks, revision, dtype, sizeBytes, contextLength, dimensions } = facts;
  return {
    name: id,
    type,
    revision,
    dtype,
    device,
    size_bytes: sizeBytes,
    context_length: contextLength,
    ...(tasks.length === 0 ? {} : { tasks: [...tasks] }),
    ...(type === 'llm' ? { constrained: true } : {}),
    ...(dimensions === null ? {} : { dimensions }),
  };
}

/** What a receipt says of how a job was run. */
export function executionOf({ dtype, revision, weightsDigest }: InstalledFacts, device: string): Execution {
  return { runtime: RUNTIME_NAME, device, dtype, revision, digest: weightsDigest };
}
