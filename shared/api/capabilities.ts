import { type Static, Type } from 'typebox';
import { Hardware, InstalledArtifact, NodeLoad, ServedModel, Software, Tools } from '../protocol/capabilities.ts';
import { Nullable } from './chat.ts';

const Count = Type.Integer({ minimum: 0 });
const Seconds = Type.Number({ description: 'Seconds since the node last said so' });
const UpdatedAt = Type.String({ description: 'UTC, as 2026-01-31T12:00:00Z' });
const Flags = Type.Record(Type.String(), Type.Unknown());

/** Query of `GET /v1/capabilities`. */
export const CapabilityQuery = Type.Object(
  {
    refresh: Type.Optional(Type.Enum(['true', 'false'], { description: 'Ask every node first, for at most 500 ms' })),
    limit: Type.Optional(
      Type.String({ pattern: '^[0-9]{1,4}$', description: 'Nodes on a page, 1 to 1,000; all nodes without pages' }),
    ),
    after: Type.Optional(Type.String({ maxLength: 64, description: '`next` of the page before' })),
  },
  { additionalProperties: false },
);

/** A node in the global view. The first block has the names of the open fabric. */
export const CapabilityNode = Type.Object({
  node_id: Type.String(),
  served_count: Count,
  installed_count: Count,
  capabilities: Flags,
  node_load: NodeLoad,
  age_s: Seconds,
  revision: Count,
  issued_at: Nullable(Count),
  expires_at: Nullable(Count),
  hardware: Hardware,
  software: Nullable(Software),
  tools: Tools,
  network: Type.Object({ transport: Nullable(Type.String()), round_trip_ms: Nullable(Type.Number()) }),
});

/** `GET /v1/capabilities`: what the pool can do now, by node and by model. On a page counts and models are those of its nodes. */
export const GlobalCapabilities = Type.Object({
  local_node: Type.String({ description: 'Who says so: the relay' }),
  nodes: Type.Record(Type.String(), CapabilityNode),
  served_models: Type.Array(
    Type.Intersect([ServedModel, Type.Object({ node: Type.String(), local: Type.Boolean(), node_age_s: Seconds })]),
  ),
  served_count: Count,
  capabilities_by_node: Type.Record(Type.String(), Flags),
  node_count: Count,
  next: Nullable(
    Type.String({ description: 'With it as `after` the next page; null after the last, and without pages' }),
  ),
  updated_at: UpdatedAt,
  /** Documents that counted and those that did not, by reason, since the relay started. */
  documents: Type.Object({ accepted: Count, dropped: Type.Record(Type.String(), Count) }),
});
export type GlobalCapabilities = Static<typeof GlobalCapabilities>;
export type CapabilityNode = Static<typeof CapabilityNode>;

/** `GET /v1/capabilities/caps`: the flags alone. */
export const CapabilityFlags = Type.Object({
  capabilities: Type.Record(Type.String(), Type.Boolean()),
  nodes_with: Type.Record(Type.String(), Type.Array(Type.String())),
  providers: Type.Record(Type.String(), Type.Record(Type.String(), Type.String())),
  updated_at: UpdatedAt,
});
export type CapabilityFlags = Static<typeof CapabilityFlags>;

/** `GET /v1/capabilities/installed`: model files on the nodes' disks, served or not. */
export const InstalledModels = Type.Object({
  installed: Type.Array(Type.Intersect([InstalledArtifact, Type.Object({ node: Type.String() })])),
  installed_count: Count,
  updated_at: UpdatedAt,
});
export type InstalledModels = Static<typeof InstalledModels>;

/** Body of `POST /v1/capability/{stt,tts,ocr,image,task}`: `model` chooses one, everything else goes to the node as it is. */
export const CapabilityRequest = Type.Object(
  { model: Type.Optional(Nullable(Type.String({ minLength: 1, maxLength: 256 }))) },
  {
    additionalProperties: true,
    examples: [
      { audio: 'UklGRiQAAABXQVZF', language: 'en' },
      { task: 'text-classification', text: 'What a fine day.' },
    ],
  },
);

export const CapabilityAnswer = Type.Object({
  status: Type.Literal('ok'),
  node_id: Type.String(),
  job_id: Type.String(),
  model: Type.String(),
  result: Type.Record(Type.String(), Type.Unknown()),
  latency_ms: Type.Number(),
});
export type CapabilityAnswer = Static<typeof CapabilityAnswer>;
