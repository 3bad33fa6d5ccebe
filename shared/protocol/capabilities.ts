import { type Static, Type } from 'typebox';

const Count = Type.Integer({ minimum: 0 });

/** A model a node can serve now or after loading it. Field names of the first block are those of the open fabric. */
export const ServedModel = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 256 }),
  type: Type.Union([Type.Literal('llm'), Type.Literal('embed')]),
  state: Type.Union([Type.Literal('warm'), Type.Literal('installed')]),
  revision: Type.String(),
  dtype: Type.String(),
  device: Type.String(),
  size_bytes: Count,
  /** Longest prompt plus answer in tokens. */
  context_length: Count,
  /** Length of a vector; embedding models only. */
  dimensions: Type.Optional(Count),
  license: Type.Optional(Type.String()),
});
export type ServedModel = Static<typeof ServedModel>;

/** What a node says of itself, to anyone on the bus who asks. */
export const CapabilityDocument = Type.Object({
  node_id: Type.String(),
  protocol: Type.Integer({ minimum: 1 }),
  version: Type.String(),
  /** Moves by one whenever anything below changes; heartbeats carry it, so that the relay asks only then. */
  revision: Count,
  instance: Type.String(),
  served_models: Type.Array(ServedModel, { maxItems: 1_000 }),
  installed_count: Count,
  /** Flags such as `llm` and `embed`, and under `providers` what stands behind each. */
  capabilities: Type.Object(
    { llm: Type.Boolean(), embed: Type.Boolean(), providers: Type.Record(Type.String(), Type.String()) },
    { additionalProperties: true },
  ),
  node_load: Type.Object({ slots_total: Count, slots_used: Count }),
  hardware: Type.Object({
    platform: Type.String(),
    arch: Type.String(),
    cpu: Type.String(),
    cpu_threads: Count,
    memory_bytes: Count,
  }),
});
export type CapabilityDocument = Static<typeof CapabilityDocument>;
