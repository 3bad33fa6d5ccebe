import { Value } from 'typebox/value';
import { JobFileRef } from '../../shared/protocol/messages.ts';

/** An output has members, and lists of them. */
const DEEPEST = 4;

/** The files that the output of a job names, wherever in it. */
export function mentionedFiles(output: unknown, depth = 0): JobFileRef[] {
  if (typeof output !== 'object' || output === null || depth > DEEPEST) return [];
  if ('file_id' in output) return Value.Check(JobFileRef, output) ? [output] : [];
  return Object.values(output).flatMap((member) => mentionedFiles(member, depth + 1));
}
