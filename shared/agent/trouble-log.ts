import type { Problem } from '../problems/problem.ts';
import type { AgentLog } from './log.ts';

export type Trouble = Pick<Problem, 'code' | 'message'>;

/** Why there is no relay now, for whoever reads the log or asks. */
export type TroubleLog = {
  /** A try has failed, `sinceMs` after the one before, or before the next. */
  failed(problem: Trouble, sinceMs: number): void;
  /** There is one again. */
  reset(): void;
  /** What has failed last. */
  current(): Trouble | undefined;
};

/** A relay that stays away for a night is worth a line a minute, and no line a second. */
const SAY_AGAIN_MS = 60_000;

/** Says it when it changes, and else once a minute. */
export function createTroubleLog({ relayUrl: relay, log }: { relayUrl: string; log: AgentLog }): TroubleLog {
  let said: string | undefined;
  let last: Trouble | undefined;
  let silentMs = 0;
  return {
    failed: ({ code, message }, sinceMs) => {
      last = { code, message };
      if (message !== said || silentMs >= SAY_AGAIN_MS) {
        log.warn({ relay, code }, `${message} This node goes on trying.`);
        said = message;
        silentMs = 0;
      }
      silentMs += sinceMs;
    },
    reset: () => {
      said = undefined;
      last = undefined;
    },
    current: () => last,
  };
}
