import type { FrameWriter } from '../../shared/agent/frame-writer.ts';
import type { AttemptNamed } from '../../shared/api/miners.ts';
import type { JobRequest } from '../../shared/protocol/messages.ts';
import type { TraceContext } from '../../shared/tracing/trace-context.ts';

/** One attempt that a miner has been given, or is about to be. Times are milliseconds of one clock. */
export type Errand = {
  readonly request: JobRequest;
  readonly trace: TraceContext | undefined;
  readonly frames: FrameWriter;
  /** Who asked, for the policy of the miner's owner. */
  readonly client: string;
  /** Gives the slot back. */
  readonly release: () => void;
  /** Null while it waits to be fetched. */
  fetchedAt: number | null;
  firstTextAt: number | null;
  /** Pieces of text, and tokens in them, that came so far. */
  pieces: number;
  tokens: number;
  /** Of the answer so far, as JSON, and at most: its pieces may travel as one message. */
  bytes: number;
  readonly mostBytes: number;
  timer: ReturnType<typeof setTimeout> | undefined;
};

export function nameOf({ job, attempt, epoch }: AttemptNamed): AttemptNamed {
  return { job, attempt, epoch };
}
