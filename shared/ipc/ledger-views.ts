import { type Static, Type } from 'typebox';

const At = Type.Integer({ minimum: 0 });
const Count = Type.Integer({ minimum: 0 });

/** Asks for a page of what is older than `before`, the newest first. */
export const PageRequest = Type.Object(
  {
    before: Type.Union([Count, Type.Null()]),
    limit: Type.Integer({ minimum: 1, maximum: 500 }),
  },
  { additionalProperties: false },
);
export type PageRequest = Static<typeof PageRequest>;

/** A job that this machine ran. `row` is what `before` counts by. */
export const LedgerJob = Type.Object({
  row: Count,
  job: Type.String(),
  attempt: Count,
  type: Type.String(),
  model: Type.String(),
  client: Type.String(),
  relay: Type.String(),
  startedAt: At,
  totalMs: Count,
  inputTokens: Count,
  outputTokens: Count,
  /** `done`, or the code of the problem it ended with. */
  outcome: Type.String(),
  /** What it took, in joules, by the counters of what computed; null where that is not known. */
  energyJ: Type.Union([Type.Number({ minimum: 0 }), Type.Null()]),
});
export type LedgerJob = Static<typeof LedgerJob>;

/** What left this machine, and for whom; counted, never kept. */
export const LedgerDeparture = Type.Object({
  row: Count,
  at: At,
  kind: Type.String(),
  to: Type.String(),
  sizeBytes: Count,
});
export type LedgerDeparture = Static<typeof LedgerDeparture>;

export const LedgerReceipt = Type.Object({
  row: Count,
  id: Type.String(),
  job: Type.String(),
  at: At,
  document: Type.String(),
});
export type LedgerReceipt = Static<typeof LedgerReceipt>;

/** What a day came to, by the machine's own clock. */
export const LedgerDay = Type.Object({
  day: Type.String(),
  jobs: Count,
  failedJobs: Count,
  outputTokens: Count,
  busyMs: Count,
  credits: Type.Number(),
  /** What `meteredJobs` of the jobs took, which ran for `meteredMs`; of the others it is not known. */
  energyJ: Type.Number({ minimum: 0 }),
  meteredJobs: Count,
  meteredMs: Count,
});
export type LedgerDay = Static<typeof LedgerDay>;
