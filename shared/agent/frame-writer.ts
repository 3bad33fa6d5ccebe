import { type Problem, toProblemRecord } from '../problems/problem.ts';
import { floatsToBase64 } from '../protocol/base64.ts';
import { encodeJson } from '../protocol/codec.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { Execution, FinishReason, Frame, NodeTimings, Usage } from '../protocol/messages.ts';

/** Tokens that come faster than this travel together; slower ones leave at once. */
const COALESCE_MS = 4;
/** An answer that is ready this soon needs no `accepted` of its own. */
const ACCEPT_DELAY_MS = 20;

export type Done = {
  finishReason: FinishReason;
  usage: Usage;
  timings: NodeTimings;
  execution: Execution;
  signature?: string;
};

export type FrameWriter = {
  accept(): void;
  text(text: string, tokens: number): void;
  vectors(start: number, count: number, dimensions: number, values: Float32Array): void;
  /** Takes what is pending as the end of the answer; `done` follows. */
  finish(): void;
  done(done: Done): void;
  fail(problem: Problem): void;
  /** Drops what is pending; nothing is sent after it. */
  abandon(): void;
};

export type FrameWriterOptions = {
  epoch: number;
  stream: boolean;
  send: (data: Uint8Array) => void;
  now: () => number;
  /** Hears what goes out, cut as it goes out. */
  passed?: PassedContent | undefined;
};

export type PassedContent = { text(text: string): void; vectors(values: Float32Array): void };

/**
 * Writes the frames of one attempt.
 *
 * Invariants: (1) `seq` counts from 0 without a gap; (2) text is never sent after a later token's text; (3) exactly one
 * of `done` and `error` is sent, and nothing after it; (4) a job that does not stream sends its text in `done` alone.
 */
export function createFrameWriter({ epoch, stream, send, now, passed }: FrameWriterOptions): FrameWriter {
  let seq = 0;
  let ended = false;
  let pendingText = '';
  let pendingTokens = 0;
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

  const flushText = (): void => {
    clearTimeout(flushTimer);
    flushTimer = undefined;
    if (pendingTokens === 0 && pendingText === '') return;
    const frame = { type: 'text', text: pendingText, tokens: pendingTokens } as const;
    pendingText = '';
    pendingTokens = 0;
    lastFlushAt = now();
    passed?.text(frame.text);
    write(frame);
  };

  const end = (frame: FrameBody): void => {
    write(frame);
    ended = true;
    clearTimeout(flushTimer);
  };

  return {
    accept: () => {
      if (seq === 0 && !ended) acceptTimer ??= setTimeout(() => write({ type: 'accepted' }), ACCEPT_DELAY_MS);
    },
    text: (text, tokens) => {
      pendingText += text;
      pendingTokens += tokens;
      if (!stream || ended) return;
      if (now() - lastFlushAt >= COALESCE_MS) flushText();
      else flushTimer ??= setTimeout(flushText, COALESCE_MS);
    },
    vectors: (start, count, dimensions, values) => {
      // A runtime's batch may be larger than a message may be.
      for (let row = 0; row < count; row += LIMITS.vectorsPerFrame) {
        const rows = Math.min(LIMITS.vectorsPerFrame, count - row);
        const part = values.subarray(row * dimensions, (row + rows) * dimensions);
        const data = floatsToBase64(part);
        passed?.vectors(part);
        write({ type: 'vectors', start: start + row, count: rows, dimensions, data });
      }
    },
    finish: () => {
      if (stream) flushText();
      else passed?.text(pendingText);
    },
    done: (done) => {
      if (stream) flushText();
      end({ type: 'done', text: pendingText, ...done });
    },
    fail: (problem) => {
      if (stream) flushText();
      end({ type: 'error', problem: toProblemRecord(problem) });
    },
    abandon: () => {
      ended = true;
      clearTimeout(acceptTimer);
      clearTimeout(flushTimer);
    },
  };
}

type FrameBody = Frame extends infer F ? (F extends Frame ? Omit<F, 'epoch' | 'seq'> : never) : never;
