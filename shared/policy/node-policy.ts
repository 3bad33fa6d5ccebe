import { type Static, Type } from 'typebox';
import { JOB_TYPES } from '../protocol/subjects.ts';
import { HOURS_PATTERN } from './weekly-hours.ts';

/** In the folder of the node, where no other file is named. */
export const POLICY_FILE = 'policy.json';

const Count = Type.Integer({ minimum: 1 });
const strict = { additionalProperties: false };

/**
 * Names, or patterns in which `*` stands for any characters, such as `onnx-community/*`. So few, with so few stars, because
 * a relay looks at those of every node that could take a job: the worst lists take it some tens of microseconds.
 */
const Name = Type.String({ minLength: 1, maxLength: 256, pattern: '^[^*]*(?:\\*[^*]*){0,4}$' });
const Names = Type.Array(Name, { maxItems: 200 });
/** What is denied stays denied, also when it is allowed too. Without `allow` everything else is. */
const Choice = Type.Object({ allow: Type.Optional(Names), deny: Type.Optional(Names) }, strict);
export type Choice = Static<typeof Choice>;

const Sizes = {
  /** Of all texts together, tools and their calls among them; a token counts as four. */
  input_characters: Type.Optional(Count),
  /** Of the JSON that the other services take, such as a recording or a picture in base64; of chats the pictures. */
  input_bytes: Type.Optional(Count),
  /** Texts of one embeddings job. */
  inputs: Type.Optional(Count),
  /** Of an answer, or of all where several are asked for; a job that asks for no limit of its own is given this one. */
  output_tokens: Type.Optional(Count),
};
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
    /** By the id of the API key that asks, such as `key_4f1c…`; `operator` is the relay's owner with own programs. */
    clients: Type.Optional(Choice),
    /** The largest job. What is not said is not limited. */
    sizes: Type.Optional(Type.Object(Sizes, strict)),
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

/** No date lies beyond it. */
const LAST_DATE_MS = 8.64e15;

/** What a relay is told of lists of names; a later version may know services, and say things, that this one does not. */
const ShownChoice = Type.Object({ allow: Type.Optional(Names), deny: Type.Optional(Names) });

/** What a relay is told, in the capability document: enough to ask for nothing that would be refused. */
export const PublicPolicy = Type.Object({
  /** Whether the node takes jobs now. */
  open: Type.Boolean(),
  /** Why not, `paused`, `hours`, a code of the host's (SPEC O8) or what a later version knows; null while it does. */
  reason: Type.Union([Type.String({ maxLength: 64 }), Type.Null()]),
  /** When that changes by itself, in milliseconds since 1970; null when it does not. */
  changes_at: Type.Union([Type.Integer({ minimum: 0, maximum: LAST_DATE_MS }), Type.Null()]),
  services: Type.Optional(ShownChoice),
  models: Type.Optional(ShownChoice),
  clients: Type.Optional(ShownChoice),
  sizes: Type.Optional(Type.Object(Sizes)),
  jobs_per_client: Type.Optional(Count),
});
export type PublicPolicy = Static<typeof PublicPolicy>;
