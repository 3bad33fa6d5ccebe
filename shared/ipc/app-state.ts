import { type Static, Type } from 'typebox';
import { Presence } from '../preferences/presence.ts';
import { Why } from '../preferences/why.ts';
import { Wish } from '../preferences/wish.ts';
import { MachineTest } from '../protocol/capabilities.ts';
import { LANGUAGES } from './language.ts';

const Nullable = <Schema extends Parameters<typeof Type.Union>[0][number]>(schema: Schema) =>
  Type.Union([schema, Type.Null()]);
const At = Type.Integer({ minimum: 0 });

/** A job that runs now, without anything of its input. */
export const RunningJob = Type.Object({
  job: Type.String(),
  type: Type.String(),
  model: Type.String(),
  /** The opaque id of the key that asked. */
  client: Type.String(),
  startedAt: At,
  outputTokens: Type.Integer({ minimum: 0 }),
});
export type RunningJob = Static<typeof RunningJob>;

/** Where the node stands with its relay. */
export const RelayLink = Type.Union([
  Type.Object({ state: Type.Literal('unpaired') }),
  /** Whether it is paired, and with whom, lies sealed until the system's key store is open. */
  Type.Object({ state: Type.Literal('key_store_locked') }),
  /** `detail` says why not yet, and what to do, where a try has failed. */
  Type.Object({
    state: Type.Literal('connecting'),
    relay: Type.String(),
    code: Type.Optional(Type.String()),
    detail: Type.Optional(Type.String()),
  }),
  Type.Object({ state: Type.Literal('connected'), relay: Type.String(), nodeId: Type.String() }),
  /** Ended for good; `detail` says why and what to do. */
  Type.Object({ state: Type.Literal('refused'), relay: Type.String(), code: Type.String(), detail: Type.String() }),
]);
export type RelayLink = Static<typeof RelayLink>;

/** What the compute page has found; null until it has said so. */
export const GpuReport = Type.Object({
  /** Whether models may run on it: a real adapter, never a software one. */
  usable: Type.Boolean(),
  vendor: Type.String({ maxLength: 200 }),
  architecture: Type.String({ maxLength: 200 }),
  description: Type.String({ maxLength: 400 }),
  isFallback: Type.Boolean(),
  /** Whether it computes in 16 bits (shader-f16). */
  halfPrecision: Type.Boolean(),
  crossOriginIsolated: Type.Boolean(),
});
export type GpuReport = Static<typeof GpuReport>;

/** Of `DEVICE_REASONS`, those that are the machine's and not its owner's. */
const UNSUPPORTED_REASONS = ['no_adapter', 'software', 'not_isolated'] as const;
export type UnsupportedReason = (typeof UNSUPPORTED_REASONS)[number];

/** A GPU of this machine, with what its owner lets it do. */
export const ListedDevice = Type.Object({
  /** By which preferences name it. */
  id: Type.String(),
  name: Type.String(),
  memoryBytes: Nullable(Type.Integer({ minimum: 0 })),
  /** What its owner says that it has; null where what was found counts. */
  toldBytes: Nullable(Type.Integer({ minimum: 0 })),
  /** Whether models run, or may run, on this one. */
  computes: Type.Boolean(),
  /** Why no model can run on it, as far as the page that computes has found; null where nothing speaks against it. */
  unsupported: Nullable(Type.Enum(UNSUPPORTED_REASONS)),
  enabled: Type.Boolean(),
  /** Most memory that models may take of it. */
  capBytes: Nullable(Type.Integer({ minimum: 0 })),
});
export type ListedDevice = Static<typeof ListedDevice>;

/** How full and how busy a GPU is now, by this app and all others; null where the system does not tell. */
export const GpuUse = Type.Object({
  /** Of `ListedDevice`. */
  id: Type.String(),
  usedBytes: Nullable(Type.Integer({ minimum: 0 })),
  busyPercent: Nullable(Type.Number({ minimum: 0, maximum: 100 })),
});
export type GpuUse = Static<typeof GpuUse>;

/** A model that can work at once. */
export const LoadedModel = Type.Object({
  model: Type.String(),
  /** When it leaves the memory if nobody asks for it; null while it works, and where its owner wants it to stay. */
  unloadsAt: Nullable(At),
});
export type LoadedModel = Static<typeof LoadedModel>;

/** Whether the memory of a GPU came back when the last model left it, by the GPU's own counter. */
export const MemoryCheck = Type.Object({
  at: At,
  /** `kept` is what has not come back, or was taken by other programs meanwhile; `no_counter` where nobody tells. */
  verdict: Type.Union([Type.Literal('back'), Type.Literal('kept'), Type.Literal('no_counter')]),
  tookMs: Nullable(Type.Integer({ minimum: 0 })),
  /** What models had taken of it, and what of that came back; null where they left before it was counted. */
  takenBytes: Nullable(Type.Integer({ minimum: 0 })),
  freedBytes: Nullable(Type.Integer({ minimum: 0 })),
});
export type MemoryCheck = Static<typeof MemoryCheck>;

/** A model on its way to this machine. */
export const ModelDownload = Type.Object({
  model: Type.String(),
  loadedBytes: Type.Integer({ minimum: 0 }),
  /** Null before that is known. */
  totalBytes: Nullable(Type.Integer({ minimum: 0 })),
  bytesPerS: Nullable(Type.Number({ minimum: 0 })),
  etaS: Nullable(Type.Integer({ minimum: 0 })),
  /** What came stays on the disk until it goes on. */
  isPaused: Type.Boolean(),
  /** Why it has ended without the model; null while it goes on. */
  problem: Nullable(Type.Object({ code: Type.String(), message: Type.String() })),
});
export type ModelDownload = Static<typeof ModelDownload>;

export const MachineTestState = Type.Object({
  running: Type.Boolean(),
  /** Devices that the running test is done with. */
  found: Type.Integer({ minimum: 0 }),
  /** Of the last test that came to its end; null before there was one. */
  result: Nullable(MachineTest),
});
export type MachineTestState = Static<typeof MachineTestState>;

/** Where the relay's receipts and credits of this machine's work stand. */
export const RecordsState = Type.Object({
  /** When the relay answered last; null before it has. */
  syncedAt: Nullable(At),
  /** Jobs whose receipt is not here yet. */
  waiting: Type.Integer({ minimum: 0 }),
  /** Why the last question was in vain; null when it was not. */
  problem: Nullable(Type.Object({ code: Type.String(), message: Type.String() })),
});
export type RecordsState = Static<typeof RecordsState>;

/** `off` where the app cannot update itself, as in a checkout or an unpacked archive. */
export const UpdateState = Type.Union([
  Type.Object({ state: Type.Literal('off') }),
  Type.Object({ state: Type.Literal('current'), checkedAt: Nullable(At) }),
  Type.Object({ state: Type.Literal('looking') }),
  Type.Object({ state: Type.Literal('fetching'), version: Type.String() }),
  /** Downloaded and verified; `isWanted` once a person has asked for it and jobs are waited for. */
  Type.Object({ state: Type.Literal('ready'), version: Type.String(), isWanted: Type.Boolean() }),
  /** What was tried in vain, and what the system said; `version` once one was found. */
  Type.Object({
    state: Type.Literal('failed'),
    step: Type.Union([Type.Literal('look'), Type.Literal('fetch'), Type.Literal('install')]),
    version: Nullable(Type.String()),
    reason: Type.String(),
    at: At,
  }),
]);
export type UpdateState = Static<typeof UpdateState>;

/** All that tray and window show, told whole at each change. */
export const AppState = Type.Object({
  version: Type.String(),
  contributing: Type.Boolean(),
  /** `contributing`, or why not: a code of the owner's policy, `no_model_allowed`, `no_service_allowed`, `unpaired`, `key_store_locked`, `unreachable` or `refused`. */
  code: Type.String(),
  why: Why,
  /** The same as one English line; `reasons.ts` has the words of every language. */
  reason: Type.String(),
  /** When that ends by itself, in milliseconds since 1970. */
  until: Nullable(At),
  wish: Wish,
  presence: Presence,
  /** The sensors that say nothing on this system. */
  unknown: Type.Array(Type.String()),
  relay: RelayLink,
  jobs: Type.Array(RunningJob),
  /** Jobs that wait for a person to allow them. */
  questions: Type.Array(
    Type.Object({ id: Type.String(), type: Type.String(), model: Type.String(), client: Type.String(), endsAt: At }),
  ),
  records: RecordsState,
  gpu: Nullable(GpuReport),
  devices: Type.Array(ListedDevice),
  machineTest: MachineTestState,
  downloads: Type.Array(ModelDownload),
  /** Whether models lie in memory. */
  memoryHeld: Type.Boolean(),
  loaded: Type.Array(LoadedModel),
  /** Null before memory was given back. */
  memoryCheck: Nullable(MemoryCheck),
  /** Whether the system tells what a card or processor that jobs run on draws. */
  drawIsTold: Type.Boolean(),
  /** How much of the time the owner lets models compute, in per cent. */
  duty: Type.Object({ here: Type.Integer(), away: Type.Integer() }),
  startsAtLogin: Type.Union([Type.Boolean(), Type.Literal('requires-approval'), Type.Literal('unknown')]),
  update: UpdateState,
  /** Whether the app looks for updates by itself; it does not before its owner was asked. */
  checksForUpdates: Type.Union([Type.Boolean(), Type.Literal('unasked')]),
  /** Whether secrets are protected by the system; where not, the window says so. */
  secretsProtected: Type.Boolean(),
  /** Whether the app goes on in a tray without its window; where not, the window says so. */
  hasTray: Type.Boolean(),
  /** That the window was last seen in; the tray and the dialogs of the system speak it too. */
  language: Type.Enum(LANGUAGES),
});
export type AppState = Static<typeof AppState>;
