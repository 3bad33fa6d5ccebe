import type { RunningJob } from '../../../shared/ipc/app-state.ts';

type Sample = { at: number; tokens: ReadonlyMap<string, number> };

/** What was written per second of late, by all jobs together. */
export type TokenRate = {
  /** Tells it what runs now; returns tokens per second, or null before that means something. */
  look(jobs: readonly RunningJob[], now: number): number | null;
};

/** Short enough to follow what happens, long enough for the app's one look a second. */
const WINDOW_MS = 5_000;
const LEAST_MS = 900;

export function createTokenRate(): TokenRate {
  let samples: Sample[] = [];
  return {
    look: (jobs, now) => {
      if (jobs.length === 0) {
        samples = [];
        return null;
      }
      const tokens = new Map(jobs.map(({ job, outputTokens }) => [job, outputTokens]));
      samples = [...samples.filter(({ at }) => now - at <= WINDOW_MS), { at: now, tokens }];
      const [first] = samples;
      if (first === undefined || now - first.at < LEAST_MS) return null;
      const written = [...tokens].reduce((sum, [job, count]) => sum + count - (first.tokens.get(job) ?? 0), 0);
      return (written * 1_000) / (now - first.at);
    },
  };
}
