import { fromProblemRecord, Problem, toProblem } from '../../shared/problems/problem.ts';
import { encodeJson, messageReader } from '../../shared/protocol/codec.ts';
import { LIMITS } from '../../shared/protocol/limits.ts';
import {
  type CancelRequest,
  type ChatInput,
  type DoneFrame,
  type EmbedInput,
  Frame,
  type JobRequest,
  type JsonInput,
  type VectorsFrame,
} from '../../shared/protocol/messages.ts';
import { CAPABILITY_TYPES, subjects } from '../../shared/protocol/subjects.ts';
import type { Bus } from '../fabric/bus.ts';
import type { LiveNode } from '../fabric/node-table.ts';
import type { JobSpec } from './job.ts';
import { createVectorCheck } from './vector-check.ts';

/** Where an answer goes while it is made. Calls come in order and never after the attempt has settled. */
export type AnswerSink = {
  /** The node took the job; nothing has come out of it yet. */
  accepted?(node: LiveNode): void;
  text?(text: string, tokens: number): void;
  vectors?(frame: VectorsFrame): void;
};

export type AttemptPorts = {
  bus: Bus;
  /** Calls back when the node leaves the table; returns how to stop listening. */
  whenGone: (node: LiveNode, gone: (reason: string) => void) => () => void;
  staleFrames: { count: number };
};

export type AttemptEnd = {
  /** Resolves with the node's last frame; rejects with a `Problem`. */
  readonly done: Promise<DoneFrame>;
  /** Resolves when the node has let go of the job, which after a cancel is a moment later than `done`. */
  readonly released: Promise<void>;
};

const readFrame = messageReader(Frame, 'frame');
/** How long a node may take to confirm a cancel before its slot is counted as free again. */
const CANCEL_CONFIRM_MS = 2_000;

/**
 * Sends one job to one node and follows its frames to the end.
 *
 * Invariants: (1) `done` settles exactly once: by the last frame, the node's end, a broken rule, a time limit or the
 * signal, whichever is first; (2) nothing reaches the sink after that; (3) a frame of another epoch changes nothing
 * but a counter; (4) the reply subject lives until the node has let go, so that a late last frame is still heard.
 */
export function startAttempt(
  job: JobSpec,
  attempt: number,
  node: LiveNode,
  sink: AnswerSink,
  signal: AbortSignal,
  ports: AttemptPorts,
): AttemptEnd {
  const done = Promise.withResolvers<DoneFrame>();
  const released = Promise.withResolvers<void>();
  const vectors = createVectorCheck(job.type === 'embed' ? (job.input as EmbedInput).inputs.length : 0);
  let settled = false;
  let nextSeq = 0;
  let stallTimer: ReturnType<typeof setTimeout> | undefined;

  const letGo = (): void => {
    clearTimeout(stallTimer);
    stopWatching();
    reply.close();
    released.resolve();
  };
  const settle = (): boolean => {
    if (settled) return false;
    settled = true;
    signal.removeEventListener('abort', onAbort);
    return true;
  };
  const fail = (problem: Problem): void => {
    if (settle()) done.reject(problem);
  };
  const abandon = (problem: Problem): void => {
    if (settled) return;
    fail(problem);
    cancelOnNode(job, attempt, node, ports.bus);
    clearTimeout(stallTimer);
    stallTimer = setTimeout(letGo, CANCEL_CONFIRM_MS);
  };
  const onAbort = (): void => abandon(toProblem(signal.reason, 'cancelled'));
  const expectNextWithin = (ms: number, problem: () => Problem): void => {
    clearTimeout(stallTimer);
    stallTimer = setTimeout(() => abandon(problem()), ms);
  };

  const onFrame = (frame: Frame): void => {
    if (frame.epoch !== node.epoch) {
      ports.staleFrames.count += 1;
      return;
    }
    if (frame.type === 'done' || frame.type === 'error') {
      if (frame.type === 'error') fail(fromProblemRecord(frame.problem));
      else if (frame.seq !== nextSeq) fail(outOfOrder(node, nextSeq, frame.seq));
      else finish(frame);
      letGo();
      return;
    }
    if (settled) return;
    if (frame.seq !== nextSeq) {
      abandon(outOfOrder(node, nextSeq, frame.seq));
      return;
    }
    if (nextSeq === 0) sink.accepted?.(node);
    nextSeq += 1;
    expectNextWithin(job.stallTimeoutMs, () => stalled(node, job.stallTimeoutMs));
    if (frame.type === 'text') sink.text?.(frame.text, frame.tokens);
    if (frame.type === 'vectors') {
      vectors.assertNext(frame);
      sink.vectors?.(frame);
    }
  };
  const finish = (frame: DoneFrame): void => {
    try {
      vectors.assertComplete();
      assertOutput(job, frame);
      if (settle()) done.resolve(frame);
    } catch (error) {
      fail(toProblem(error));
    }
  };

  const reply = ports.bus.openReply((data, status) => {
    if (status !== 'message') {
      fail(new Problem('node_lost', `Node ${node.id} is not connected any more.`));
      letGo();
      return;
    }
    try {
      onFrame(readFrame(data));
    } catch (error) {
      abandon(toProblem(error, 'protocol_violation'));
    }
  }, node.id);
  const stopWatching = ports.whenGone(node, (reason) => {
    fail(new Problem('node_lost', `Node ${node.id} vanished while it worked. ${reason}`));
    letGo();
  });

  if (signal.aborted) {
    fail(toProblem(signal.reason, 'cancelled'));
    letGo();
    return { done: done.promise, released: released.promise };
  }
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    ports.bus.publish(subjects.jobRequest(node.id, job.type), encodeJson(requestOf(job, attempt, node)), reply.subject);
    expectNextWithin(LIMITS.acceptTimeoutMs, () => silent(node));
  } catch (error) {
    fail(toProblem(error, 'bus_unavailable'));
    letGo();
  }
  return { done: done.promise, released: released.promise };
}

function requestOf(job: JobSpec, attempt: number, node: LiveNode): JobRequest {
  const { id, model, timeoutMs, type, input, nonce } = job;
  const base = { job: id, attempt, epoch: node.epoch, model, timeoutMs, ...(nonce === undefined ? {} : { nonce }) };
  if (type === 'llm') return { ...base, type, stream: job.stream, input: input as ChatInput };
  if (type === 'embed') return { ...base, type, input: input as EmbedInput };
  return { ...base, type, input: input as JsonInput };
}

/** Exactly the jobs of a capability type answer with an object. */
function assertOutput(job: JobSpec, frame: DoneFrame): void {
  const owed = (CAPABILITY_TYPES as readonly string[]).includes(job.type);
  if (owed === (frame.output !== undefined)) return;
  throw new Problem('protocol_violation', `The node sent ${owed ? 'no' : 'an'} output for a job of type ${job.type}.`);
}

function cancelOnNode(job: JobSpec, attempt: number, node: LiveNode, bus: Bus): void {
  const cancel: CancelRequest = { job: job.id, attempt, epoch: node.epoch };
  // With the bus down the node has noticed by itself, and abandons the job.
  if (bus.isConnected()) bus.publish(subjects.cancelJob(node.id), encodeJson(cancel));
}

function outOfOrder(node: LiveNode, expected: number, got: number): Problem {
  return new Problem('protocol_violation', `Node ${node.id} sent frame ${got} where ${expected} was due.`);
}

function silent(node: LiveNode): Problem {
  return new Problem('node_lost', `Node ${node.id} did not take the job within ${LIMITS.acceptTimeoutMs} ms.`);
}

function stalled(node: LiveNode, ms: number): Problem {
  return new Problem('job_timeout', `Node ${node.id} sent nothing for ${ms} ms.`);
}
