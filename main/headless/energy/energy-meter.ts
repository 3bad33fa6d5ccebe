import type { WitnessedJob } from '../../../shared/agent/job-witness.ts';
import type { ReadPowerDraw } from '../power-draw.ts';
import {
  cpuExcessJoules,
  gpuExcessJoules,
  meanRest,
  overlapMs,
  type Reading,
  type Rest,
  restBetween,
  type Span,
} from './excess.ts';

/** By which the ledger knows a job. */
export type LedgerKey = { readonly relay: string; readonly job: string; readonly attempt: number };

export type EnergyMeterOptions = {
  read: ReadPowerDraw;
  /** Where the jobs of a model compute; undefined where nobody knows. */
  deviceOf(model: string): string | undefined;
  /** Whether the card that computes is one of those that are read. */
  readsGpu(): boolean;
  /** Whether jobs may come: only then is it worth knowing what the machine draws without them. */
  isExpecting(): boolean;
  /** Whether this node computes for itself, as in a machine test. */
  isTesting(): boolean;
  /** What a job took is known, some seconds after it has ended; of others nothing is told. */
  onKnown(key: LedgerKey, joules: number): void;
  now: () => number;
};

export type EnergyMeter = {
  /** Whether a counter of one of these devices could be read when that was last tried; of any when none is named. */
  isTold(devices?: readonly string[]): boolean;
  began(job: WitnessedJob): void;
  ended(job: WitnessedJob, relay: string): void;
  /** Reads the counters when their time has come; called once a second. */
  look(): Promise<void>;
};

type Metered = Span & {
  readonly key: Omit<LedgerKey, 'relay'>;
  readonly device: string | undefined;
  endedAt: number | null;
  relay: string;
  joules: number;
  isKnown: boolean;
};

const BUSY_MS = 2_000;
const REST_MS = 30_000;
/** Where nothing is told it may be one day, when a driver is there. */
const BLIND_MS = 5 * 60_000;
/** Two readings that are further apart have a sleep between them, or a machine that did not come to it. */
const APART_MOST_MS = 45_000;
/** After a job the clocks of a card, and what was left to be done, take a while to settle. */
const COOLING_MS = 10_000;
/** What a machine draws at rest changes with what its person does. */
const REST_HOLDS_MS = 30 * 60_000;
const RESTS = 4;

/**
 * What jobs take of the energy of this machine: the draw while they compute, less the draw at rest before. Invariants: (1) nothing is
 * read but while jobs run or may come, and once after them; (2) of jobs that compute together each has its share by time; (3) what is
 * less than the rest is owed by what follows, until nothing runs, so that no job has less than nothing and noise adds
 * up to nothing; (4) a job of which any moment is not known is not known.
 */
export function createEnergyMeter(options: EnergyMeterOptions): EnergyMeter {
  const { read, now } = options;
  const metered = new Map<string, Metered>();
  const owed = { gpu: 0, cpu: 0 };
  let last: Reading | undefined;
  let triedAt = Number.NEGATIVE_INFINITY;
  let computedAt = Number.NEGATIVE_INFINITY;
  let rests: (Rest & { at: number })[] = [];
  let isReading = false;

  const isTold = (devices: readonly string[] = []): boolean => {
    const told = { gpu: (last?.gpuWatts ?? null) !== null, cpu: (last?.cpuJoules ?? null) !== null };
    if (devices.length === 0) return told.gpu || told.cpu;
    return devices.some((device) => told[counterOf(device)]);
  };

  const isDue = (): boolean => {
    if (isReading || (metered.size === 0 && !options.isExpecting())) return false;
    const wanted = metered.size > 0 ? BUSY_MS : REST_MS;
    const sinceMs = now() - triedAt;
    // A clock that was put back would have it wait.
    return sinceMs < 0 || sinceMs >= (last === undefined || isTold() ? wanted : BLIND_MS);
  };

  /** Gives what a device took to the jobs that it computed for. */
  const shareOut = (
    jobs: readonly Metered[],
    device: keyof typeof owed,
    joules: number,
    span: [number, number],
  ): void => {
    const sum = owed[device] + joules;
    owed[device] = Math.min(0, sum);
    const totalMs = jobs.reduce((total, job) => total + overlapMs(job, ...span), 0);
    if (totalMs === 0) return;
    for (const job of jobs) job.joules += (Math.max(0, sum) * overlapMs(job, ...span)) / totalMs;
  };

  const settleJobs = (before: Reading | undefined, after: Reading): void => {
    const jobs = [...metered.values()];
    const rest = meanRest(rests.filter(({ at }) => after.at - at <= REST_HOLDS_MS));
    const isWhole = before !== undefined && isNear(before, after);
    const onGpu = jobs.filter(({ device }) => device !== undefined && counterOf(device) === 'gpu');
    const gpu = isWhole ? gpuExcessJoules(onGpu, before, after, rest) : null;
    const cpu = isWhole ? cpuExcessJoules(before, after, rest) : null;
    if (before !== undefined && gpu !== null) shareOut(onGpu, 'gpu', gpu, [before.at, after.at]);
    if (before !== undefined && cpu !== null) shareOut(jobs, 'cpu', cpu, [before.at, after.at]);
    for (const job of jobs) {
      const told = { gpu, cpu };
      if (job.device === undefined || told[counterOf(job.device)] === null) job.isKnown = false;
    }
  };

  const tellEnded = (): void => {
    for (const [id, { key, relay, endedAt, joules, isKnown }] of metered) {
      if (endedAt === null) continue;
      metered.delete(id);
      if (isKnown) options.onKnown({ ...key, relay }, joules);
    }
  };

  const settle = (after: Reading): void => {
    const before = last;
    last = after;
    if (metered.size > 0) {
      settleJobs(before, after);
      tellEnded();
      return;
    }
    Object.assign(owed, { gpu: 0, cpu: 0 });
    const isAtRest = before !== undefined && before.at - computedAt >= COOLING_MS;
    if (!isAtRest || !isNear(before, after)) return;
    rests = [...rests, { ...restBetween(before, after), at: after.at }].slice(-RESTS);
  };

  return {
    isTold,
    began: ({ job, attempt, model }) => {
      if (last !== undefined && !isTold()) return;
      const entry = { key: { job, attempt }, device: options.deviceOf(model), beganAt: now() };
      metered.set(`${job} ${attempt}`, { ...entry, endedAt: null, relay: '', joules: 0, isKnown: true });
    },
    ended: ({ job, attempt }, relay) => {
      const entry = metered.get(`${job} ${attempt}`);
      if (entry === undefined) return;
      entry.endedAt = now();
      entry.relay = relay;
      computedAt = now();
    },
    look: async () => {
      if (options.isTesting()) computedAt = now();
      if (!isDue()) return;
      isReading = true;
      triedAt = now();
      try {
        const draw = await read({ gpu: options.readsGpu() });
        settle({ ...draw, at: now() });
      } finally {
        isReading = false;
      }
    },
  };
}

/** Which counter a device of `DEVICES` is read by. */
function counterOf(device: string): 'gpu' | 'cpu' {
  return device === 'cpu' || device === 'wasm' ? 'cpu' : 'gpu';
}

/** Whether what lies between was seen: the clock may have been put back, too. */
function isNear(before: Reading, after: Reading): boolean {
  return after.at > before.at && after.at - before.at <= APART_MOST_MS;
}
