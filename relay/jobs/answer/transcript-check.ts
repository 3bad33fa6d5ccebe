import { Problem } from '../../../shared/problems/problem.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import type { DoneFrame } from '../../../shared/protocol/messages.ts';
import type { JobSpec } from '../job.ts';

/** Holds a node to its word (SPEC J16): what somebody has read of a transcript is the beginning of the whole. */
export type TranscriptCheck = {
  add(text: string): void;
  /** Both throw `protocol_violation`. */
  assertBegins(frame: DoneFrame): void;
};

/** Whether the caller reads a transcript while it is made. */
export function isReadAlong({ type, stream }: Pick<JobSpec, 'type' | 'stream'>): boolean {
  return type === 'stt' && stream;
}

export function createTranscriptCheck(): TranscriptCheck {
  let read = '';
  return {
    add: (text) => {
      read += text;
      // The whole must fit into one message in the end; what goes on beyond would only fill the memory.
      if (read.length > LIMITS.maxMessageBytes) throw violation('is longer than a message');
    },
    assertBegins: ({ text, output }) => {
      if (!String(output?.text).startsWith(read + text)) throw violation('is not the beginning of the whole');
    },
  };
}

function violation(how: string): Problem {
  return new Problem('protocol_violation', `What the node sent of the transcript ${how}.`);
}
