import { type Static, Type } from 'typebox';
import { NodeStatus } from './nodes.ts';
import { Nullable } from './nullable.ts';

const Count = Type.Integer({ minimum: 0 });

/** `GET /v1/cluster`: the pool at one look, flat enough for a script of one line. What is not known is null. */
export const Cluster = Type.Object({
  nodes_known: Count,
  nodes_ready: Type.Integer({ minimum: 0, description: 'Nodes that would be given a job' }),
  slots: Count,
  slots_used: Count,
  jobs_running: Count,
  jobs_waiting: Type.Integer({ minimum: 0, description: 'Calls whose client waits for a slot, and jobs of the queue' }),
  tokens_per_second: Type.Number({ description: 'Written by the jobs that ended in the last minute' }),
  nodes: Type.Array(
    Type.Object({
      id: Type.String(),
      name: Type.String(),
      status: NodeStatus,
      slots: Nullable(Count),
      slots_used: Nullable(Count),
      models: Type.Array(Type.String()),
      gpu: Nullable(Type.String({ description: 'The first that it tells of' })),
      round_trip_ms: Nullable(Type.Number({ minimum: 0 })),
      tokens_per_s: Type.Record(Type.String(), Type.Number({ minimum: 0 }), {
        description: 'By model, as the relay measured it; one that was not measured is not among them',
      }),
      attempts: Type.Object(
        { succeeded: Type.Number({ minimum: 0 }), failed: Type.Number({ minimum: 0 }) },
        { description: 'Lately: recent ones weigh more' },
      ),
    }),
  ),
  models: Type.Array(
    Type.Object({
      id: Type.String(),
      nodes: Count,
      slots: Type.Integer({ minimum: 0, description: 'Of these nodes' }),
    }),
  ),
});
export type Cluster = Static<typeof Cluster>;
