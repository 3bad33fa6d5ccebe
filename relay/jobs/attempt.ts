import { Problem, toProblem } from '../../shared/problems/problem.ts';
import { encodeJson, messageReader } from '../../shared/protocol/codec.ts';
import { LIMITS } from '../../shared/protocol/limits.ts';
import {
  type CancelRequest,
  type ChatInput,
  type DoneFrame,
  type EmbedInput,
  type ErrorFrame,
  Frame,
  type JobRequest,
  type JsonInput,
  type VectorsFrame,
} from '../../shared/protocol/messages.ts';
import { subjects } from '../../shared/protocol/subjects.ts';
import type { PieceDetail, ToolCallPiece } from '../../shared/runtimes/runtime.ts';
import type { Bus } from '../fabric/bus/bus.ts';
import type { LiveNode } from '../fabric/nodes/node-table.ts';
import type { AttemptRecord } from '../store/store.ts';
import { createFrameCheck } from './answer/frame-check.ts';
import { isReadAlong } from './answer/transcript-check.ts';
import type { JobSpec } from './job.ts';
import type { NodePulse } from './node-pulse.ts';
import { problemOfNode } from './problem-of-node.ts';

/** Where an answer goes while it is made. Calls come in order and never after the attempt has settled. */
export type AnswerSink = {
  /** A node was chosen for this attempt; nothing has been sent to it yet. */
  assigned?(node: LiveNode, attempt: number): void;
  /** The node took the job; nothing has come out of it yet. */
  accepted?(node: LiveNode): void;
  text?(text: string, tokens: number, more?: PieceDetail): void;
  toolCall?(piece: ToolCallPiece): void;
  vectors?(frame: VectorsFrame): void;
  /**
   * Looks at the output of an attempt as a whole. What it throws ends the attempt: it has failed, and another node may do better.
   */
  judge?(done: DoneFrame): void | Promise<void>;
  /** Forgets all output: it comes anew from another node. Only a caller that has passed nothing on can. */
  takeBack?(): void;
  /** An attempt is over; another may follow. Not told of a node that only refused the job. */
  attemptEnded?(attempt: AttemptRecord): void;
};

export type AttemptPorts = {
  bus: Bus;
  /** Calls back when the node leaves the table; returns how to stop listening. */
  whenGone: (node: LiveNode, gone: (reason: string) => void) => () => void;
  pulse: NodePulse;
  staleFrames: { count: number };
};

export type AttemptEnd = {
  /** Resolves with the node's last frame; rejects with a `Problem`. */
  readonly done: Promise<DoneFrame>;
  /** Resolves when the node has let go of the job, which after a cancel is a moment later than `done`. */
  readonly released: Promise<void>;
};

const readFrame = messageReader(Frame, 'frame');
const BUS_RETRY_MS = 1_000;
/** Of all frames of an attempt: sixteen choices with the probabilities of thousands of tokens each. */
const MOST_ANSWER_BYTES = 16 * LIMITS.maxMessageBytes;
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
  const check = createFrameCheck(job, node.id);
  let settled = false;
  /** Vectors do not count: they are passed on as a whole, and may begin anew elsewhere (SPEC R1). */
  let hasText = false;
  let nextSeq = 0;
  let answerBytes = 0;
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
    job.files?.end();
    pulse.stop();
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
    pulse.heard();
    if (frame.type === 'done' || frame.type === 'error') {
      if (frame.type === 'error') fail(problemOf(frame, nextSeq));
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
    if (frame.type === 'accepted') return;
    hasText ||= frame.type !== 'vectors';
    check.assertNext(frame);
    if (frame.type === 'text') sink.text?.(frame.text, frame.tokens, frame);
    else if (frame.type === 'tool_call') sink.toolCall?.(frame);
    else sink.vectors?.(frame);
  };
  const finish = (frame: DoneFrame): void => {
    try {
      check.assertWhole(frame);
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
    answerBytes += data.length;
    try {
      // Before it is read: what somebody gathers of it lies in the relay's memory.
      if (answerBytes > MOST_ANSWER_BYTES) throw endless(node);
      onFrame(readFrame(data));
    } catch (error) {
      abandon(toProblem(error, 'protocol_violation'));
    }
  }, node.id);
  const stopWatching = ports.whenGone(node, (reason) => {
    fail(ports.bus.isConnected() ? vanished(node, reason) : busLost('went down'));
    letGo();
  });

  // Once the caller has a part, only the end of the node's session ends the rest: nobody else could go on with it.
  const pulse = ports.pulse.watch(node, () => {
    if (!hasText) abandon(unanswered(node));
  });

  if (signal.aborted) {
    fail(toProblem(signal.reason, 'cancelled'));
    letGo();
    return { done: done.promise, released: released.promise };
  }
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const subject = subjects.jobRequest(node.id, job.type);
    const request = encodeJson(requestOf(job, attempt, node));
    ports.bus.publish(subject, request, reply.subject, job.trace?.traceparentOf(attempt));
    expectNextWithin(LIMITS.acceptTimeoutMs, () => {
      if (ports.bus.stalledWithin(LIMITS.acceptTimeoutMs)) return busLost('did not answer');
      pulse.missed();
      return silent(node);
    });
  } catch (error) {
    fail(toProblem(error, 'bus_unavailable'));
    letGo();
  }
  return { done: done.promise, released: released.promise };
}

/** Only before it starts can a job be refused: what was begun is an attempt, whatever the node calls its end. */
function problemOf({ problem }: ErrorFrame, framesBefore: number): Problem {
  if (problem.code !== 'policy_refused' || framesBefore === 0) return problemOfNode(problem);
  return new Problem('protocol_violation', 'The node refused a job that it had accepted.');
}

function requestOf(job: JobSpec, attempt: number, node: LiveNode): JobRequest {
  const { id, model, timeoutMs, type, input, service, nonce } = job;
  const base: Omit<JobRequest, 'type' | 'input' | 'stream'> = {
    ...{ job: id, attempt, epoch: node.epoch, model, client: job.apiKeyId, timeoutMs },
    ...(service === undefined ? undefined : { service }),
    ...(nonce === undefined ? undefined : { nonce }),
  };
  if (type === 'llm') {
    const { stream, fetched } = job;
    const chat = input as ChatInput;
    return {
      ...{ ...base, type, stream, input: chat },
      ...(chat.raw === undefined ? { reasoningApart: true } : undefined),
      ...(fetched === undefined ? undefined : { fetched }),
    };
  }
  if (type === 'embed') return { ...base, type, input: input as EmbedInput };
  const files = job.files?.grant(id);
  return {
    ...{ ...base, type, input: input as JsonInput },
    ...(isReadAlong(job) ? { stream: true } : undefined),
    ...(files === undefined ? undefined : { files }),
  };
}

function cancelOnNode(job: JobSpec, attempt: number, node: LiveNode, bus: Bus): void {
  const cancel: CancelRequest = { job: job.id, attempt, epoch: node.epoch };
  // With the bus down the node has noticed by itself, and abandons the job.
  if (bus.isConnected()) bus.publish(subjects.cancelJob(node.id), encodeJson(cancel));
}

function endless(node: LiveNode): Problem {
  return new Problem('protocol_violation', `Node ${node.id} sent more than ${MOST_ANSWER_BYTES} bytes for one job.`);
}

function outOfOrder(node: LiveNode, expected: number, got: number): Problem {
  return new Problem('protocol_violation', `Node ${node.id} sent frame ${got} where ${expected} was due.`);
}

function vanished(node: LiveNode, reason: string): Problem {
  return new Problem('node_lost', `Node ${node.id} vanished while it worked. ${reason}`);
}

/** No node is to blame, and there is no other to go to. */
function busLost(how: string): Problem {
  const sentence = `The message bus ${how} while the node was to work. Try again in a moment.`;
  return new Problem('bus_unavailable', sentence, { retryAfterMs: BUS_RETRY_MS });
}

function silent(node: LiveNode): Problem {
  return new Problem('node_lost', `Node ${node.id} did not take the job within ${LIMITS.acceptTimeoutMs} ms.`);
}

function unanswered(node: LiveNode): Problem {
  return new Problem('node_lost', `Node ${node.id} has stopped answering while it worked.`);
}

function stalled(node: LiveNode, ms: number): Problem {
  return new Problem('job_timeout', `Node ${node.id} sent nothing for ${ms} ms.`);
}
