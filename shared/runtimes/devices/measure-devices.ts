/**
 * Tries a model on every device that could run it.
 *
 * 1. At most one trial is under way, so that none slows another down.
 * 2. Each is made in a worker of its own that is ended after it, whatever came of it.
 * 3. A trial that takes longer than its time has failed, and is not waited for.
 */
import { endedBy } from '../../cancellation/ended-by.ts';
import { type Device, type DeviceFact, type DtypeFact, type Measurement, objectionTo } from './choose-device.ts';

/** A worker that exists for a trial alone. */
export type TrialWorker = {
  /** Resolves when the model is in memory. */
  readonly loaded: Promise<void>;
  /** Runs the model for a moment; resolves with the tokens that it made, or the texts that it read. */
  run(signal: AbortSignal): Promise<number>;
  end(): Promise<void> | void;
};

export type MeasureOptions = {
  devices: readonly DeviceFact[];
  dtypes: readonly DtypeFact[];
  /** For tests alone. */
  allowSimulated?: boolean;
  start(device: Device, dtype: string): TrialWorker;
  now: () => number;
  /** A signal that is aborted after so many milliseconds. */
  limit(ms: number): AbortSignal;
  /** For one device in one dtype, loading included. */
  trialMs?: number;
};

/** A large model is read from a disk in a minute; whoever waits longer for it would wait for each job. */
const TRIAL_MS = 90_000;
/** Long enough that timers and the first compiled shaders do not decide. */
const LEAST_MS = 250;
const MOST_RUNS = 64;

/** How each device did, in the order of the devices. What cannot be is not tried. Never rejects. */
export async function measureDevices(options: MeasureOptions): Promise<Measurement[]> {
  const { devices, dtypes, allowSimulated = false } = options;
  const measurements: Measurement[] = [];
  for (const fact of devices) {
    for (const dtype of dtypes) {
      if (objectionTo(fact, dtype, allowSimulated) !== undefined) continue;
      measurements.push(await measure(fact.device, dtype.dtype, options));
    }
  }
  return measurements;
}

async function measure(device: Device, dtype: string, options: MeasureOptions): Promise<Measurement> {
  const { start, now, limit, trialMs = TRIAL_MS } = options;
  const signal = limit(trialMs);
  const startedAt = now();
  let worker: TrialWorker | undefined;
  try {
    worker = start(device, dtype);
    worker.loaded.catch(() => undefined);
    await endedBy(signal, worker.loaded);
    const loadMs = now() - startedAt;
    // The first run compiles.
    await endedBy(signal, worker.run(signal));
    return { device, dtype, loadMs, perSecond: await speedOf(worker, signal, now) };
  } catch (error) {
    const why = signal.aborted ? `it took longer than ${trialMs} ms` : reasonOf(error);
    return { device, dtype, perSecond: null, loadMs: null, why };
  } finally {
    await Promise.resolve(worker?.end()).catch(() => undefined);
  }
}

async function speedOf(worker: TrialWorker, signal: AbortSignal, now: () => number): Promise<number> {
  const beganAt = now();
  let units = 0;
  let runs = 0;
  while (runs < MOST_RUNS && (runs === 0 || now() - beganAt < LEAST_MS)) {
    units += await endedBy(signal, worker.run(signal));
    runs += 1;
  }
  if (units === 0) throw new Error('the model made nothing');
  return (units / Math.max(1, now() - beganAt)) * 1_000;
}

/** Relays read it too, and where a machine keeps its libraries is nobody's business. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/([A-Za-z]:)?[\\/][^\s'":,]+/g, '…').slice(0, 200) || 'its trial failed';
}
