import { type Static, Type } from 'typebox';
import { JOB_TYPES } from '../protocol/subjects.ts';
import { HOURS_PATTERN } from './weekly-hours.ts';

const Count = Type.Integer({ minimum: 1 });
const strict = { additionalProperties: false };

/** Names or patterns in which `*` stands for any characters, such as `onnx-community/*`. */
const Names = Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { maxItems: 1_000 });
/** What is denied stays denied, also when it is allowed too. Without `allow` everything else is. */
const Choice = Type.Object({ allow: Type.Optional(Names), deny: Type.Optional(Names) }, strict);
export type Choice = Static<typeof Choice>;

const Services = Type.Array(Type.Enum(JOB_TYPES), { maxItems: JOB_TYPES.length });

/**
 * What the owner of a node lets it run, whatever a relay asks for. Data alone: the node enforces it, the relay reads
 * the same document to ask only for what is allowed. An empty object allows everything.
 */
export const NodePolicy = Type.Object(
  {
    /** Takes no new job at all. */
    paused: Type.Optional(Type.Boolean()),
    services: Type.Optional(Type.Object({ allow: Type.Optional(Services), deny: Type.Optional(Services) }, strict)),
    models: Type.Optional(Choice),
    /** By the id of the API key that asks, such as `key_4f1c…`; `operator` is the owner of the relay's own programs. */
    clients: Type.Optional(Choice),
    /** The largest job. What is not said is not limited. */
    sizes: Type.Optional(
      Type.Object(
        {
          /** Of all texts together, or the bytes of a JSON input. */
          input_characters: Type.Optional(Count),
          /** Texts of one embeddings job. */
          inputs: Type.Optional(Count),
          /** Of an answer; a job that asks for no limit of its own is given this one. */
          output_tokens: Type.Optional(Count),
        },
        strict,
      ),
    ),
    /** When the node works, in the time of its own machine: `mon-fri 18:00-08:00`. Absent is always. */
    hours: Type.Optional(Type.Array(Type.String({ pattern: HOURS_PATTERN }), { maxItems: 168 })),
    /** Whether jobs that run when the hours end, or the owner pauses, may end in peace. Yes unless said otherwise. */
    finish_running: Type.Optional(Type.Boolean()),
    /** Jobs at a time for any one client. */
    jobs_per_client: Type.Optional(Count),
  },
  strict,
);
export type NodePolicy = Static<typeof NodePolicy>;

/** What a relay is told, in the capability document: enough to ask for nothing that would be refused. */
export const PublicPolicy = Type.Object({
  /** Whether the node takes jobs now. */
  open: Type.Boolean(),
  /** Why not, for a person. */
  reason: Type.Union([Type.String({ maxLength: 256 }), Type.Null()]),
  /** When that changes by itself, in milliseconds since 1970; null when it does not. */
  changes_at: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]),
  services: NodePolicy.properties.services,
  models: NodePolicy.properties.models,
  clients: NodePolicy.properties.clients,
  sizes: NodePolicy.properties.sizes,
});
export type PublicPolicy = Static<typeof PublicPolicy>;
