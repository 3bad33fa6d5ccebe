/**
 * What a host and an inference worker, a process or a web worker, say to each other. One worker holds one model. Both ends
 * are built together, so nothing is validated here.
 *
 * 1. The first message to a worker is `load`; it answers `loaded` or `problem` with `job: null`, once.
 * 2. Every `run` is answered by any number of `text`, `tool_call` and `vectors` and then exactly one `done`, `cancelled` or
 *    `problem`; nothing for that job follows.
 * 3. A cancel is a message, which a worker reads between two passes of its model, and a flag where memory is shared: a web
 *    worker that computes by WebAssembly reads no messages.
 */
import type { ProblemRecord } from '../problems/problem-record.ts';
import type { Usage } from '../protocol/messages.ts';
import type { PieceDetail, RuntimeJob, ToolCallPiece } from './runtime.ts';
import type { ThreadTrial } from './thread-trial.ts';
import type { EngineResult } from './transformers/engine.ts';

/**
 * `location` is where the host's worker finds the files: a folder in Node, a base URL in a browser. A worker that
 * holds `kernels` has no files.
 */
export type LoadRequest = {
  location: string;
  dtype: string;
  device: string;
  threads: number;
  /** Of passes that make several answers at once. */
  sharedThreads?: number;
  task?: string;
  holds?: 'kernels';
  /** A GPU that is only simulated counts too. For tests. */
  allowSoftware?: boolean;
};

export type ToWorker =
  | ({ type: 'load' } & LoadRequest)
  | { type: 'run'; id: number; job: RuntimeJob; interrupt: SharedArrayBuffer | null }
  | { type: 'cancel'; id: number }
  /** From now on it computes at most this part of the time; all of it before it was said. */
  | { type: 'duty'; percent: number }
  | { type: 'unload' };

export type FromWorker =
  | { type: 'loaded' }
  /** What was measured of `threads` and `sharedThreads`; again after each time. */
  | ({ type: 'threads' } & ThreadTrial)
  | { type: 'text'; id: number; text: string; tokens: number; more: PieceDetail | undefined }
  | { type: 'tool_call'; id: number; piece: ToolCallPiece }
  | { type: 'vectors'; id: number; start: number; count: number; dimensions: number; values: Float32Array }
  | ({ type: 'done'; id: number } & EngineResult)
  | { type: 'cancelled'; id: number; usage: Usage }
  /** `fault` is the inner error of a bug, for the host's log; it never holds a job's content. */
  | { type: 'problem'; id: number | null; problem: ProblemRecord; fault: string | null };

/** A flag that one thread raises and another reads between two tokens, even while it never returns to its event loop. */
export type InterruptFlag = { buffer: SharedArrayBuffer; raise(): void };

export function createInterruptFlag(): InterruptFlag {
  const buffer = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  const view = new Int32Array(buffer);
  return { buffer, raise: () => void Atomics.store(view, 0, 1) };
}

export function isInterrupted(buffer: SharedArrayBuffer): boolean {
  return Atomics.load(new Int32Array(buffer), 0) === 1;
}
