import { type Static, Type } from 'typebox';
import { Maybe, Nullable } from './nullable.ts';

const NodeName = Type.String({ minLength: 1, maxLength: 64, description: 'Id or slug of a node' });
const NodeNames = Type.Array(NodeName, { minItems: 1, maxItems: 100 });
const Milliseconds = Type.Number({ description: 'Milliseconds' });
const Name = Type.String({ minLength: 1, maxLength: 64 });

export const Sort = Type.Union([Type.Literal('latency'), Type.Literal('throughput'), Type.Literal('load')]);
export type Sort = Static<typeof Sort>;

/** What a node must have. Capabilities are flags of its document, labels are the operator's. */
export const RoutingNeeds = Type.Object(
  {
    capabilities: Maybe(Type.Array(Name, { maxItems: 20 })),
    labels: Maybe(Type.Record(Type.String(), Type.String({ maxLength: 256 }), { maxProperties: 20 })),
    trust: Maybe(Type.Literal('trusted')),
  },
  { additionalProperties: false },
);

/** `routing` of a request: which nodes may do the job, how they are compared, and how long to wait for one. */
export const RoutingRequest = Type.Object(
  {
    node: Maybe(NodeName),
    only: Maybe(NodeNames),
    ignore: Maybe(NodeNames),
    require: Maybe(RoutingNeeds),
    sort: Maybe(Sort),
    max_wait_ms: Maybe(
      Type.Integer({
        minimum: 0,
        maximum: 600_000,
        description:
          '0 fails at once when no slot is free. Who says more waits also while no node of the model is here, as while one starts anew, and for one that the operator has closed for a while; not for one that its owner has closed',
      }),
    ),
    allow_fallbacks: Maybe(
      Type.Boolean({ description: 'Whether another node is tried when the first fails; true by default' }),
    ),
  },
  { additionalProperties: false },
);
export type RoutingRequest = Static<typeof RoutingRequest>;

/** Body of `POST /v1/route/explain`: that of a chat or embeddings call; what routing does not look at is ignored. */
export const ExplainRequest = Type.Object(
  {
    model: Type.String({ minLength: 1, maxLength: 256 }),
    messages: Maybe(Type.Array(Type.Unknown())),
    input: Type.Optional(Type.Unknown()),
    max_completion_tokens: Maybe(Type.Integer({ minimum: 1 })),
    max_tokens: Maybe(Type.Integer({ minimum: 1 })),
    response_format: Maybe(Type.Unknown()),
    structured_outputs: Maybe(Type.Unknown()),
    tool_choice: Maybe(Type.Unknown()),
    user: Maybe(Type.String()),
    prompt_cache_key: Maybe(Type.String()),
    routing: Maybe(RoutingRequest),
  },
  {
    additionalProperties: true,
    examples: [
      {
        model: 'sparewatt/demo-chat',
        messages: [{ role: 'user', content: 'What is 17 + 25?' }],
        routing: { sort: 'latency', require: { labels: { site: 'lab' } } },
      },
    ],
  },
);
export type ExplainRequest = Static<typeof ExplainRequest>;

/** Why a node may not take a job. A node may fail several. */
export type FilterName =
  | 'not_connected'
  | 'model_not_served'
  | 'cordoned'
  | 'draining'
  | 'failed_before'
  | 'routing_only'
  | 'routing_ignore'
  | 'not_constrained'
  | 'routing_capabilities'
  | 'routing_labels'
  | 'routing_trust'
  | 'node_policy'
  | 'node_closed'
  | 'no_free_slot';

const Term = Type.Object({
  name: Type.String(),
  ms: Milliseconds,
  weight: Type.Number({ description: 'ms times weight goes into the score' }),
});

/** How good a node is for a job: the sum of its weighted terms. The smallest score is the best. */
export const NodeScore = Type.Object({
  total_ms: Milliseconds,
  first_token_ms: Milliseconds,
  end_ms: Milliseconds,
  terms: Type.Array(Term),
});
export type NodeScore = Static<typeof NodeScore>;

const RemovedBy = Type.Object({ filter: Type.String(), reason: Type.String() });

const ExplainedNode = Type.Object({
  node: Type.String(),
  eligible: Type.Boolean(),
  removed_by: Type.Array(RemovedBy),
  slots: Type.Object({ total: Type.Integer(), used: Type.Integer() }),
  score: Nullable(NodeScore),
});
export type ExplainedNode = Static<typeof ExplainedNode>;

/** Answer of `POST /v1/route/explain`; nothing was run and no slot was taken. */
export const RouteExplanation = Type.Object({
  model: Type.String(),
  would_run: Type.Boolean({ description: 'Whether a node would take the job at once' }),
  would_wait: Type.Boolean({ description: 'Whether the job would wait for a slot of a node that may take it' }),
  chosen: Nullable(Type.String({ description: 'The node that would be asked first' })),
  predicted: Nullable(Type.Object({ first_token_ms: Milliseconds, end_ms: Milliseconds })),
  nearest_change: Nullable(
    Type.Object({
      node: Type.String(),
      changes: Type.Array(Type.String(), { description: 'All that must change for this node to take the job' }),
    }),
  ),
  removed: Type.Record(Type.String(), Type.Integer(), { description: 'How many nodes each filter removed' }),
  nodes_total: Type.Integer(),
  nodes: Type.Array(ExplainedNode, { description: 'Best first, then by how little is missing; at most 1,000' }),
});
export type RouteExplanation = Static<typeof RouteExplanation>;

const Prediction = Type.Object({ first_token_ms: Milliseconds, end_ms: Milliseconds });

const Choice = Type.Object({
  attempt: Type.Integer({ minimum: 1 }),
  node: Type.String(),
  chosen_at: Type.Integer({ description: 'Milliseconds since 1970' }),
  waited_ms: Milliseconds,
  free_nodes: Type.Integer({ description: 'Nodes that served the model and had a free slot' }),
  compared: Type.Array(Type.Object({ node: Type.String(), score: NodeScore }), {
    description: 'The best of those that were looked at, the chosen one first',
  }),
  predicted: Prediction,
  actual: Nullable(
    Type.Object({
      first_token_ms: Nullable(Milliseconds),
      end_ms: Milliseconds,
      problem: Nullable(Type.String({ description: 'Code of the problem that ended the attempt' })),
    }),
  ),
});

/** `GET /v1/route/decisions/{id}`: how a job was routed. Times count from the moment the node was chosen. */
export const RouteDecision = Type.Object({
  id: Type.String(),
  job: Type.String(),
  model: Type.String(),
  created_at: Type.Integer({ description: 'Milliseconds since 1970' }),
  state: Type.Union([
    Type.Literal('running'),
    Type.Literal('succeeded'),
    Type.Literal('failed'),
    Type.Literal('cancelled'),
  ]),
  problem: Nullable(Type.String()),
  choices: Type.Array(Choice),
});
export type RouteDecision = Static<typeof RouteDecision>;
export type RouteChoice = RouteDecision['choices'][number];
