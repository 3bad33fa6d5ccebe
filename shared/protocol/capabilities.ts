import { type Static, type TSchema, Type } from 'typebox';
import { PublicPolicy } from '../policy/node-policy.ts';
import { canonicalBytes } from '../receipts/canonical-json.ts';
import { recordOf } from './record-of.ts';

const Count = Type.Integer({ minimum: 0 });
const Text = Type.String({ maxLength: 256 });
const Time = Type.Integer({ minimum: 0, description: 'Milliseconds since 1970' });
/** Null is "not known", never a guess. */
const OrNull = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()]);

/** What a node can be asked for, as flags of its document. */
export const CAPABILITIES = [
  'llm',
  'embed',
  'stt',
  'tts',
  'ocr',
  'image',
  'vision',
  'task',
  'ffmpeg',
  'blender',
  'compute',
] as const;
export type Capability = (typeof CAPABILITIES)[number];

/** Averages over real jobs in which recent ones weigh more; made by the node, so a claim. */
export const MeasuredSpeed = Type.Object({
  /** Output tokens per second after the first; for embeddings input tokens per second. */
  tokens_per_s: OrNull(Type.Number({ minimum: 0 })),
  /** From the first read of the files until the model could work. */
  load_ms: OrNull(Type.Number({ minimum: 0 })),
  /** Jobs behind `tokens_per_s`. */
  samples: Count,
});
export type MeasuredSpeed = Static<typeof MeasuredSpeed>;

/** Why models do not run on a device, or nothing is known of how fast. */
export const DEVICE_REASONS = [
  'no_adapter',
  'software',
  'not_isolated',
  'switched_off',
  'not_used',
  'too_slow',
  'failed',
  'skipped',
] as const;

/** One device in a machine test. */
export const DeviceTest = Type.Object({
  device: Text,
  kind: Type.Union([Type.Literal('gpu'), Type.Literal('cpu')]),
  dtype: Type.String({ maxLength: 32 }),
  /** Output tokens per second after the first; null where that was not measured. */
  tokens_per_s: OrNull(Type.Number({ minimum: 0 })),
  load_ms: OrNull(Type.Number({ minimum: 0 })),
  /** The device's own memory, or the machine's for its processor. */
  memory_bytes: OrNull(Count),
  /** Null where models run on it. */
  reason: OrNull(Type.Enum(DEVICE_REASONS)),
});
export type DeviceTest = Static<typeof DeviceTest>;

/** What a test of a few seconds found, with one small model: no measurement of real work. */
export const MachineTest = Type.Object({
  tested_at: Time,
  model: Text,
  devices: Type.Array(DeviceTest, { maxItems: 64 }),
});
export type MachineTest = Static<typeof MachineTest>;

/** How a model did on one device in one dtype when the node chose, or why it was not tried. */
export const DeviceTrial = Type.Object({
  device: Type.String({ maxLength: 32 }),
  dtype: Type.String({ maxLength: 32 }),
  /** Tokens, or texts, in a second of a short run. */
  per_second: OrNull(Type.Number({ minimum: 0 })),
  load_ms: OrNull(Type.Number({ minimum: 0 })),
  verdict: Type.Union([Type.Literal('chosen'), Type.Literal('possible'), Type.Literal('refused')]),
  reason: Text,
});
export type DeviceTrial = Static<typeof DeviceTrial>;

/** A model a node can serve now or after loading it. Field names of the first block are those of the open fabric. */
export const ServedModel = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 256 }),
  type: Type.Enum(CAPABILITIES),
  state: Type.Union([Type.Literal('warm'), Type.Literal('installed')]),
  revision: Type.String(),
  dtype: Type.String(),
  device: Type.String(),
  size_bytes: Count,
  /** Longest prompt plus answer in tokens. */
  context_length: Count,
  /** What it can be asked for in jobs of its type, or of the type `task`; names of `task-kinds.ts`. */
  tasks: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 32 })),
  /** Whether its answers are held to a format or a call that is asked for (SPEC S14); language models only. */
  constrained: Type.Optional(Type.Boolean()),
  /** Length of a vector; embedding models only. */
  dimensions: Type.Optional(Count),
  license: Type.Optional(Type.String()),
  /** Why it runs where it does; absent where there was no choice. */
  trials: Type.Optional(Type.Array(DeviceTrial, { maxItems: 64 })),
  /** Jobs that run on it; in a document this stands in its load. */
  in_use: Type.Optional(Count),
  measured: Type.Optional(MeasuredSpeed),
});
export type ServedModel = Static<typeof ServedModel>;

/** Model files found on the node's disk, served or not. Never a path. */
export const InstalledArtifact = Type.Object({ name: Text, size_bytes: Count, files: Count });

/** A document with more is malformed. */
export const MOST_GPUS = 64;

const FoundGpu = Type.Object({
  name: Text,
  vendor: OrNull(Text),
  vram_bytes: OrNull(Count),
  driver: OrNull(Text),
});

export const Gpu = Type.Object({
  ...FoundGpu.properties,
  /** What models can be run with on it, as its owner told; nobody else tells. */
  backends: Type.Optional(Type.Array(Type.String({ maxLength: 32 }), { maxItems: 16 })),
  /**
   * Of a GPU of which its owner told something in the node's settings: what the node itself had found, null where that was
   * nothing. Absent where all of it was found.
   */
  found: Type.Optional(OrNull(FoundGpu)),
});
export type Gpu = Static<typeof Gpu>;

/** The adapter that computes, as a browser's page sees it; of a page that is fed by strangers, and bounded therefore. */
export const WebGpu = Type.Object({
  adapter: Text,
  limits: recordOf(256, Type.Number(), 100),
  features: Type.Array(Text, { maxItems: 100 }),
});
export type WebGpu = Static<typeof WebGpu>;

export const Hardware = Type.Object({
  platform: Type.String(),
  arch: Type.String(),
  cpu: Type.String(),
  cpu_threads: Count,
  memory_bytes: Count,
  /** Null where the node has no way to look, an empty list where it looked and found none. */
  gpus: Type.Optional(OrNull(Type.Array(Gpu, { maxItems: MOST_GPUS }))),
  webgpu: Type.Optional(OrNull(WebGpu)),
});
export type Hardware = Static<typeof Hardware>;

export const Software = Type.Object({
  os: OrNull(Text),
  node: OrNull(Text),
  onnxruntime: OrNull(Text),
  transformers: OrNull(Text),
  /** Of a node in a browser tab, such as `Chrome 156`. */
  browser: Type.Optional(OrNull(Text)),
});
export type Software = Static<typeof Software>;

/** Programs beside the node that services can use, by name; their paths are nobody's business. */
export const Tools = recordOf(64, Type.Boolean(), 100);
export type Tools = Static<typeof Tools>;

/** What a node is busy with. It moves with every job, is true for moments, and is therefore not signed. */
export const NodeLoad = Type.Object({
  slots_total: Count,
  slots_used: Count,
  /** Jobs by model; those without any are left out. */
  in_use: Type.Optional(recordOf(256, Count, 1_000)),
});
export type NodeLoad = Static<typeof NodeLoad>;

/** What a node says of itself, to anyone on the bus who asks. */
export const CapabilityDocument = Type.Object({
  node_id: Type.String(),
  protocol: Type.Integer({ minimum: 1 }),
  version: Type.String(),
  /** Moves by one whenever what is served, installed or found on the machine changes, or a speed does noticeably. */
  revision: Count,
  instance: Type.String(),
  served_models: Type.Array(ServedModel, { maxItems: 1_000 }),
  /** How many `installed_artifacts` there are. */
  installed_count: Count,
  installed_artifacts: Type.Optional(Type.Array(InstalledArtifact, { maxItems: 10_000 })),
  /** Flags such as `llm` and `embed`, and under `providers` what stands behind each. */
  capabilities: Type.Object(
    {
      llm: Type.Boolean(),
      embed: Type.Boolean(),
      stt: Type.Optional(Type.Boolean()),
      tts: Type.Optional(Type.Boolean()),
      ocr: Type.Optional(Type.Boolean()),
      image: Type.Optional(Type.Boolean()),
      vision: Type.Optional(Type.Boolean()),
      task: Type.Optional(Type.Boolean()),
      ffmpeg: Type.Optional(Type.Boolean()),
      blender: Type.Optional(Type.Boolean()),
      compute: Type.Optional(Type.Boolean()),
      constrained: Type.Optional(Type.Boolean()),
      /** Whether it fetches files that a job's input stands for (SPEC F6). */
      job_files: Type.Optional(Type.Boolean()),
      providers: Type.Record(Type.String(), Type.String()),
    },
    { additionalProperties: true },
  ),
  node_load: NodeLoad,
  hardware: Hardware,
  software: Type.Optional(Software),
  tools: Type.Optional(Tools),
  /** What its owner lets it run. */
  policy: Type.Optional(PublicPolicy),
  /** How the node reaches its relay. Round trips are measured by the relay, addresses are told to nobody. */
  network: Type.Optional(Type.Object({ transport: Text })),
  machine_test: Type.Optional(MachineTest),
  issued_at: Type.Optional(Time),
  expires_at: Type.Optional(Time),
  /** Ed25519 by the node's key over `documentBytes`, base64url. */
  signature: Type.Optional(Type.String({ maxLength: 128 })),
});
export type CapabilityDocument = Static<typeof CapabilityDocument>;

/** A document that may lack what its signature does not cover. */
export type UnsignedDocument = Omit<CapabilityDocument, 'node_load'> & { node_load?: NodeLoad };

/**
 * The bytes a document's signature covers: its canonical JSON without the signature and the load, unknown members
 * included.
 */
export function documentBytes(document: UnsignedDocument): Uint8Array<ArrayBuffer> {
  const { signature: _, node_load: _load, ...signed } = document;
  return canonicalBytes(signed);
}
