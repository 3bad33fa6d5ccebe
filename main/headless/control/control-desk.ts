import type { NodeStatus } from '../../../shared/control/control-protocol.ts';
import type { ReadableLog } from './log-memory.ts';

/** What programs of this machine can ask of its node, whoever hosts it. */
export type ControlDesk = {
  status(): NodeStatus;
  /** Null is until the owner resumes. */
  pause(forMs: number | null): void;
  resume(): void;
  /** Pauses when the jobs that run have ended. */
  finish(): void;
  readonly log: ReadableLog;
};

/** Says since when a state holds that is looked at again and again; what came and went in between is not seen. */
export function createSince(now: () => number): (state: string) => number {
  let known: string | undefined;
  let since = now();
  return (state) => {
    if (known !== undefined && state !== known) since = now();
    known = state;
    return since;
  };
}
