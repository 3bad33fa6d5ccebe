import { type Static, Type } from 'typebox';
import { ModelList } from './models.ts';
import { NodeDetails, NodeHealth, NodePage, Task } from './nodes.ts';

const NodeId = Type.String({
  minLength: 1,
  maxLength: 64,
  description: 'Id or slug of a node; for health, send and capabilities',
});

/** Arguments of the tool `nodes`: one action and what it needs. Names of the first block are those of the open fabric. */
export const NodesToolArguments = Type.Object(
  {
    action: Type.Enum(['list', 'health', 'send', 'result', 'capabilities'], {
      description:
        'list: the nodes and how they are; health: one node in detail; send: run a task on one node; result: a task and its result; capabilities: what one node, or the whole pool, can do',
    }),
    node_id: Type.Optional(NodeId),
    task: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 262_144,
        description: 'What to send, as text: a prompt, or a text to embed',
      }),
    ),
    task_id: Type.Optional(Type.String({ maxLength: 64, description: 'Which task, for result' })),
    type: Type.Optional(Type.String({ description: 'Kind of the task, for send; llm unless said otherwise' })),
    model: Type.Optional(
      Type.String({ maxLength: 256, description: 'Model for send; the first of the node by default' }),
    ),
    input: Type.Optional(
      Type.Object(
        {},
        { additionalProperties: true, description: 'Instead of task: the full input, as the API takes it' },
      ),
    ),
    wait: Type.Optional(
      Type.Boolean({
        description:
          'For send: answer when the task has ended, with progress until then; closing cancels it. A task that waits for a person is answered at once',
      }),
    ),
    after: Type.Optional(
      Type.String({ maxLength: 64, description: 'For list: the id that the page before ended with' }),
    ),
  },
  { additionalProperties: false },
);
export type NodesToolArguments = Static<typeof NodesToolArguments>;

/** What every action answers. */
export const NodesToolResult = Type.Object({
  success: Type.Boolean(),
  output: Type.String({ description: 'For people and models to read' }),
  error: Type.Optional(Type.String({ description: 'What went wrong and what to do' })),
  code: Type.Optional(Type.String({ description: 'Code of the problem' })),
  data: Type.Optional(
    Type.Union([NodePage, NodeHealth, NodeDetails, ModelList, Task], {
      description: 'The same as the HTTP API answers',
    }),
  ),
});
export type NodesToolResult = Static<typeof NodesToolResult>;
