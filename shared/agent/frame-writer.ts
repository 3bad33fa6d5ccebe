import { type Problem, toProblem, toProblemRecord } from '../problems/problem.ts';
import { floatsToBase64 } from '../protocol/base64.ts';
import { encodeJson } from '../protocol/codec.ts';
import { LIMITS } from '../protocol/limits.ts';
import type {
  Execution,
  FinishReason,
  Frame,
  NodeTimings,
  TextFrame,
  ToolCallFrame,
  Usage,
} from '../protocol/messages.ts';
import type { PieceDetail, ToolCallPiece } from '../runtimes/runtime.ts';

/** Tokens that come faster than this travel together; slower ones leave at once. */
const COALESCE_MS = 4;
/** An answer that is ready this soon needs no `accepted` of its own. */
const ACCEPT_DELAY_MS = 20;

export type Done = {
  finishReason: FinishReason;
  finishReasons?: FinishReason[];
  stopSequence?: string;
  usage: Usage;
  timings: NodeTimings;
  execution: Execution;
  signature?: string;
};

export type FrameWriter = {
  accept(): void;
  text(text: string, tokens: number, more?: PieceDetail): void;
  toolCall(piece: ToolCallPiece): void;
  vectors(start: number, count: number, dimensions: number, values: Float32Array): void;
  done(done: Done): void;
  /** Never throws: what cannot be sent at all nobody hears. */
  fail(problem: Problem): void;
  /** Drops what is pending; nothing is sent after it. */
  abandon(): void;
};

export type FrameWriterOptions = {
  epoch: number;
  stream: boolean;
  /** Throws for what the bus does not take. */
  send: (data: Uint8Array) => void;
  /** Called when a frame that waited could not be sent; the last one has said so. */
  onUnsent?: (problem: Problem) => void;
  now: () => number;
};

/**
 * Writes the frames of one attempt.
 *
 * Invariants: (1) `seq` counts from 0 without a gap; (2) no piece is sent after a later one; (3) exactly one of
 * `done` and `error` is sent, and nothing after it; (4) a job that does not stream sends the text of its only choice in
 * `done` alone, and what was thought in one piece before it; (5) what a timer could not send ends the job, and `onUnsent` tells.
 */
export function createFrameWriter({ epoch, stream, send, onUnsent, now }: FrameWriterOptions): FrameWriter {
  let seq = 0;
  let ended = false;
  let pending: PieceFrame | null = null;
  let heldText = '';
  let heldThoughts: PieceFrame | null = null;
  let lastFlushAt = Number.NEGATIVE_INFINITY;
  let acceptTimer: ReturnType<typeof setTimeout> | undefined;
  let flushTimer: ReturnType<typeof setTimeout> | undefined;

  const write = (frame: FrameBody): void => {
    if (ended) return;
    clearTimeout(acceptTimer);
    acceptTimer = undefined;
    send(encodeJson({ ...frame, epoch, seq }));
    seq += 1;
  };

  const stop = (): void => {
    ended = true;
    clearTimeout(acceptTimer);
    clearTimeout(flushTimer);
  };

  const flushPiece = (): void => {
    clearTimeout(flushTimer);
    flushTimer = undefined;
    if (pending === null) return;
    const frame = pending;
    pending = null;
    lastFlushAt = now();
    write(frame);
  };

  const add = (piece: PieceFrame): void => {
    if (ended) return;
    if (pending !== null && !joins(pending, piece)) flushPiece();
    pending = pending === null ? piece : joined(pending, piece);
    if (now() - lastFlushAt >= COALESCE_MS) flushPiece();
    else flushTimer ??= later(flushPiece, COALESCE_MS);
  };

  const end = (frame: FrameBody): void => {
    write(frame);
    stop();
  };

  const fail = (problem: Problem): void => {
    const frame = { type: 'error', problem: toProblemRecord(problem) } as const;
    const produced = problem.code === 'handed_back' && heldText !== '' ? { text: heldText } : {};
    // Where the bus does not take one of them, the next says less.
    for (const say of [flushPiece, () => end({ ...frame, ...produced }), () => end(frame)]) {
      try {
        say();
      } catch {}
    }
    stop();
  };

  /** Nobody would catch what a timer throws. */
  const later = (work: () => void, ms: number) =>
    setTimeout(() => {
      try {
        work();
      } catch (error) {
        const problem = toProblem(error, 'node_fault');
        fail(problem);
        onUnsent?.(problem);
      }
    }, ms);

  return {
    accept: () => {
      if (seq === 0 && !ended) acceptTimer ??= later(() => write({ type: 'accepted' }), ACCEPT_DELAY_MS);
    },
    text: (text, tokens, more = {}) => {
      const piece: PieceFrame = { type: 'text', text, tokens, ...more };
      if (stream) add(piece);
      else if (more.reasoning) heldThoughts = heldThoughts === null ? piece : joined(heldThoughts, piece);
      else heldText += text;
    },
    toolCall: (piece) => add({ type: 'tool_call', ...piece }),
    vectors: (start, count, dimensions, values) => {
      // A runtime's batch may be larger than a message may be.
      for (let row = 0; row < count; row += LIMITS.vectorsPerFrame) {
        const rows = Math.min(LIMITS.vectorsPerFrame, count - row);
        const data = floatsToBase64(values.subarray(row * dimensions, (row + rows) * dimensions));
        write({ type: 'vectors', start: start + row, count: rows, dimensions, data });
      }
    },
    done: (done) => {
      flushPiece();
      if (heldThoughts !== null) write(heldThoughts);
      end({ type: 'done', text: heldText, ...done });
    },
    fail,
    abandon: stop,
  };
}

type FrameBody = Frame extends infer F ? (F extends Frame ? Omit<F, 'epoch' | 'seq'> : never) : never;
type PieceFrame = Omit<TextFrame, 'epoch' | 'seq'> | Omit<ToolCallFrame, 'epoch' | 'seq'>;

/** Whether two pieces can travel as one: the same choice, and the same call, which the second does not begin. */
function joins(first: PieceFrame, second: PieceFrame): boolean {
  if (first.choice !== second.choice) return false;
  if (first.type === 'text' && second.type === 'text') return first.reasoning === second.reasoning;
  if (first.type === 'text' || second.type === 'text') return false;
  return first.index === second.index && second.name === undefined;
}

function joined(first: PieceFrame, second: PieceFrame): PieceFrame {
  const logprobs = [...(first.logprobs ?? []), ...(second.logprobs ?? [])];
  const sum = { tokens: first.tokens + second.tokens, ...(logprobs.length === 0 ? {} : { logprobs }) };
  if (first.type === 'text' && second.type === 'text') return { ...first, ...sum, text: first.text + second.text };
  if (first.type === 'tool_call' && second.type === 'tool_call') {
    return { ...first, ...sum, arguments: first.arguments + second.arguments };
  }
  return second;
}
