/**
 * On which device and in which dtype a model runs, from what was found and measured alone.
 *
 * 1. A device that is not there, that is simulated (but for tests), that lacks a feature or the memory that the dtype
 *    needs, or that has failed its trial, is never chosen.
 * 2. Of the others the fastest is; one that was not measured comes after all that were.
 * 3. A GPU counts double, since it leaves the processor to its owner; so a processor must be twice as fast to be chosen.
 * 4. What differs by less than a tenth is equal: then the order of devices decides, then that of dtypes.
 */

/** Names of ONNX Runtime's execution providers; `webgpu` is the browser's own in a page and ONNX Runtime's in Node. */
export const DEVICES = ['webgpu', 'cuda', 'dml', 'coreml', 'wasm', 'cpu'] as const;
export type Device = (typeof DEVICES)[number];

/** Where a model is to run: a tab, Node, or the desktop app with its page and its processes. */
export type DeviceHost = 'browser' | 'node' | 'desktop';

/** Which of equal ones is taken. In Node the makers' own providers are better tried than its WebGPU. */
const ORDER: Readonly<Record<DeviceHost, readonly Device[]>> = {
  browser: ['webgpu', 'wasm'],
  desktop: ['webgpu', 'cpu', 'wasm'],
  node: ['cuda', 'dml', 'coreml', 'webgpu', 'cpu'],
};
export const PROCESSORS: readonly Device[] = ['wasm', 'cpu'];
const GPU_COUNTS = 2;
export const EQUAL_SHARE = 0.1;
/** All that WebAssembly can address: weights pass through it also on their way to a browser's GPU. */
export const WEBASSEMBLY_BYTES = 4 * 2 ** 30;
/** Weights, what is computed with them, and the cache of a conversation. */
const MEMORY_PER_WEIGHT = 1.5;
/** Dtypes whose sums are made in 16 bits. */
export const HALF_PRECISION: readonly string[] = ['fp16', 'q4f16'];

/** What was found of a device. `why` says what speaks against one that is not present. */
export type DeviceFact = {
  device: Device;
  isPresent: boolean;
  /** Computed by the processor in the end, such as SwiftShader: right, and far too slow for anybody's work. */
  isSimulated: boolean;
  /** That a model may take; null where nobody tells. */
  memoryBytes: number | null;
  /** Such as `shader-f16`; null where all dtypes do. */
  features: readonly string[] | null;
  why?: string;
};

/** A dtype in which the weights are at hand; in the order in which they are preferred. */
export type DtypeFact = { dtype: string; sizeBytes: number };

/** How a short run went: tokens, or texts, in a second; null for one that failed, with the reason. */
export type Measurement = {
  device: Device;
  dtype: string;
  perSecond: number | null;
  loadMs: number | null;
  why?: string;
};

export type DeviceQuestion = {
  host: DeviceHost;
  devices: readonly DeviceFact[];
  dtypes: readonly DtypeFact[];
  measurements: readonly Measurement[];
  /** For tests alone. */
  allowSimulated?: boolean;
};

/** One device in one dtype, and what became of it. */
export type Trial = {
  device: Device;
  dtype: string;
  per_second: number | null;
  load_ms: number | null;
  verdict: 'chosen' | 'possible' | 'refused';
  reason: string;
};

export type DeviceChoice = { device: Device; dtype: string; trials: Trial[] };

/** The choice, or null where nothing can run the model; `trials` says why in either case. */
export function chooseDevice(question: DeviceQuestion): { choice: DeviceChoice | null; trials: Trial[] } {
  const { host, devices, dtypes, measurements, allowSimulated = false } = question;
  const known = devices.filter(({ device }) => ORDER[host].includes(device));
  const judged = known.flatMap((fact) =>
    dtypes.map((dtype) => judge(fact, dtype, measurementOf(measurements, fact.device, dtype.dtype), allowSimulated)),
  );
  const best = bestOf(
    judged.filter(({ verdict }) => verdict === 'possible'),
    (one) => ORDER[host].indexOf(one.device) * dtypes.length + dtypes.findIndex(({ dtype }) => dtype === one.dtype),
  );
  const trials = judged.map((trial) => (trial === best ? chosen(trial, judged) : trial));
  return { choice: best === undefined ? null : { device: best.device, dtype: best.dtype, trials }, trials };
}

/** What weights of this size take of a device's memory, with what is computed beside them, in bytes. */
export function memoryForWeights(sizeBytes: number): number {
  return sizeBytes * MEMORY_PER_WEIGHT;
}

/** What speaks against a device in a dtype before it is tried; undefined when nothing does. */
export function objectionTo(
  fact: DeviceFact,
  { dtype, sizeBytes }: DtypeFact,
  allowSimulated: boolean,
): string | undefined {
  const { isPresent, isSimulated, memoryBytes, features, why } = fact;
  if (!isPresent) return why ?? 'it is not on this machine';
  if (isSimulated && !allowSimulated) return 'it is only simulated on the processor';
  if (HALF_PRECISION.includes(dtype) && features !== null && !features.includes('shader-f16')) {
    return 'it computes nothing in 16 bits (shader-f16)';
  }
  const neededBytes = memoryForWeights(sizeBytes);
  if (memoryBytes !== null && neededBytes > memoryBytes) {
    return `it has ${megabytes(Math.max(0, memoryBytes))} of memory of ${megabytes(neededBytes)} that are needed`;
  }
  return undefined;
}

function judge(fact: DeviceFact, dtype: DtypeFact, measured: Measurement | undefined, allowSimulated: boolean): Trial {
  const objection = objectionTo(fact, dtype, allowSimulated) ?? failureOf(measured);
  return {
    device: fact.device,
    dtype: dtype.dtype,
    per_second: objection === undefined ? (measured?.perSecond ?? null) : null,
    load_ms: objection === undefined ? (measured?.loadMs ?? null) : null,
    verdict: objection === undefined ? 'possible' : 'refused',
    reason: objection ?? (measured === undefined ? 'not measured' : 'measured'),
  };
}

function failureOf(measured: Measurement | undefined): string | undefined {
  return measured?.perSecond === null ? (measured.why ?? 'its trial failed') : undefined;
}

function measurementOf(all: readonly Measurement[], device: Device, dtype: string): Measurement | undefined {
  return all.find((one) => one.device === device && one.dtype === dtype);
}

function bestOf(trials: readonly Trial[], rankOf: (trial: Trial) => number): Trial | undefined {
  const leading = Math.max(0, ...trials.map(worthOf));
  const equals = trials.filter((trial) => worthOf(trial) >= leading * (1 - EQUAL_SHARE));
  return [...equals].sort((a, b) => rankOf(a) - rankOf(b))[0];
}

/** What was not measured is worth less than anything that was. */
export function worthOf({ device, per_second: perSecond }: Pick<Trial, 'device' | 'per_second'>): number {
  return perSecond === null ? 0 : perSecond * (PROCESSORS.includes(device) ? 1 : GPU_COUNTS);
}

function chosen(trial: Trial, judged: readonly Trial[]): Trial {
  const possible = judged.filter(({ verdict }) => verdict === 'possible');
  const reason =
    possible.length === 1
      ? 'nothing else can run the model'
      : trial.per_second === null
        ? 'the first in order; nothing was measured'
        : `the best of ${possible.length}, a GPU counting double`;
  return { ...trial, verdict: 'chosen', reason };
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6)} MB`;
}
