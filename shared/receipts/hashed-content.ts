import type { JobInput, JsonInput } from '../protocol/messages.ts';
import type { JobType } from '../protocol/subjects.ts';
import { canonicalBytes } from './canonical-json.ts';

/** The part of a job request that decides its answer. */
export type HashedRequest = { readonly type: JobType; readonly model: string; readonly input: JobInput };

/**
 * The bytes that `requestHash` covers: what decides the answer, and nothing of how it travelled (job, attempt, epoch,
 * deadline, whether it streams), so that the same question has the same hash on every attempt.
 *
 * `responseHash` covers the answer alone: for `llm` the UTF-8 of its whole text, however it was cut into frames, and
 * after it for each tool call U+0000, its name, U+0000 and its arguments; before it, where the model thought first and that was
 * told apart, U+0000 twice, the thoughts, and U+0000 twice, unless nothing follows them; of several choices each has such a hash, and
 * theirs is the hash of those hashes in order, as hex without anything between; for `embed` all vectors in order as
 * little-endian float32; for a capability the canonical JSON of its output.
 */
export function requestBytes({ type, model, input }: HashedRequest): Uint8Array<ArrayBuffer> {
  return canonicalBytes({ input, model, type });
}

/** The bytes that `responseHash` covers when the answer is one JSON object. */
export function outputBytes(output: JsonInput): Uint8Array<ArrayBuffer> {
  return canonicalBytes(output);
}

const THOUGHT_MARK = '\0\0';

/** Puts the marks of `responseHash` around what was thought, in the pieces of one choice as they come. */
export function createThoughtMarks(): (text: string, isReasoning: boolean) => string {
  let isThinking = false;
  return (text, isReasoning) => {
    // Tokens without text change nothing.
    if (text === '' || isReasoning === isThinking) return text;
    isThinking = isReasoning;
    return THOUGHT_MARK + text;
  };
}
