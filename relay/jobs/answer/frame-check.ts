import { Problem } from '../../../shared/problems/problem.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import type {
  ChatInput,
  DoneFrame,
  EmbedInput,
  TextFrame,
  ToolCallFrame,
  VectorsFrame,
} from '../../../shared/protocol/messages.ts';
import { OBJECT_TYPES } from '../../../shared/protocol/subjects.ts';
import type { JobSpec } from '../job.ts';
import { createTranscriptCheck, isReadAlong } from './transcript-check.ts';
import { createVectorCheck } from './vector-check.ts';

/** Holds what a node sends in one attempt to what it was asked; both functions throw `protocol_violation`, or what `VectorCheck` does. */
export type FrameCheck = {
  /** For a piece of output, before anybody is given it. */
  assertNext(frame: TextFrame | ToolCallFrame | VectorsFrame): void;
  /** For the last frame of an answer. */
  assertWhole(frame: DoneFrame): void;
};

export function createFrameCheck(job: JobSpec, nodeId: string): FrameCheck {
  const vectors = createVectorCheck(job.type === 'embed' ? (job.input as EmbedInput) : undefined);
  const transcript = isReadAlong(job) ? createTranscriptCheck() : undefined;
  // Without tools there are no calls.
  const calls =
    job.type === 'llm' && (job.input as ChatInput).tools !== undefined ? createCallCheck(nodeId) : undefined;
  const thoughts = createThoughtCheck(job, nodeId);
  return {
    assertNext: (frame) => {
      if (frame.type === 'vectors') return vectors.assertNext(frame);
      assertAskedFor(frame, job, nodeId);
      thoughts.assertNext(frame);
      calls?.assertNext(frame);
      if (frame.type === 'text') transcript?.add(frame.text);
    },
    assertWhole: (frame) => {
      vectors.assertComplete();
      assertOutput(job, frame);
      transcript?.assertBegins(frame);
    },
  };
}

/** A node that sends choices or calls that nobody asked for could fill the relay's memory. */
function assertAskedFor(frame: TextFrame | ToolCallFrame, job: JobSpec, nodeId: string): void {
  const chat = job.type === 'llm' ? (job.input as ChatInput) : undefined;
  const choices = chat === undefined ? Number(isReadAlong(job)) : (chat.choices ?? 1);
  const mayCall = (chat?.tools ?? []).length > 0;
  if ((frame.choice ?? 0) < choices && (frame.type === 'text' || mayCall)) return;
  throw new Problem('protocol_violation', `Node ${nodeId} sent a piece of an answer that was not asked for.`);
}

/** Thoughts are of a conversation alone, and before all that a choice says or calls. */
function createThoughtCheck(job: JobSpec, nodeId: string): { assertNext(frame: TextFrame | ToolCallFrame): void } {
  const hasThoughts = job.type === 'llm' && (job.input as ChatInput).raw === undefined;
  const answering = new Set<number>();
  return {
    assertNext: (frame) => {
      const choice = frame.choice ?? 0;
      if (frame.type === 'tool_call' || frame.reasoning === undefined) {
        if (frame.type === 'tool_call' || frame.text !== '') answering.add(choice);
      } else if (!hasThoughts || answering.has(choice)) {
        throw new Problem('protocol_violation', `Node ${nodeId} sent thoughts where there can be none.`);
      }
    },
  };
}

/** Whoever is told a call as it is made knows a piece of it by what came before. */
function createCallCheck(nodeId: string): { assertNext(frame: TextFrame | ToolCallFrame): void } {
  /** The choices whose last piece was of a call. */
  const calling = new Set<number>();
  return {
    assertNext: (frame) => {
      const choice = frame.choice ?? 0;
      if (frame.type === 'text') {
        if (frame.text !== '') calling.delete(choice);
      } else if (frame.name !== undefined) calling.add(choice);
      else if (!calling.has(choice)) {
        throw new Problem('protocol_violation', `Node ${nodeId} sent a piece of a call that it had not begun.`);
      }
    },
  };
}

/** Exactly the jobs that ask with an object of any form answer with one. */
function assertOutput(job: JobSpec, frame: DoneFrame): void {
  const owed = (OBJECT_TYPES as readonly string[]).includes(job.type);
  if (owed !== (frame.output !== undefined)) {
    throw new Problem(
      'protocol_violation',
      `The node sent ${owed ? 'no' : 'an'} output for a job of type ${job.type}.`,
    );
  }
  // Beyond that it has no canonical form, and the job would leave neither record nor receipt.
  if (!isCanonical(frame.output, LIMITS.maxOutputLevels)) {
    const sentence = `The node sent an output of more than ${LIMITS.maxOutputLevels} levels, or with a number that no double holds.`;
    throw new Problem('protocol_violation', sentence);
  }
}

function isCanonical(value: unknown, levels: number): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((member) => isCanonical(member, levels - 1));
}
