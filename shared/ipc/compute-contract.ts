import { type Static, Type } from 'typebox';
import { ProblemRecord } from '../problems/problem-record.ts';
import { WebGpu } from '../protocol/capabilities.ts';
import { FinishReason, JsonInput, Usage } from '../protocol/messages.ts';
import type { FromWorker } from '../runtimes/worker-protocol.ts';
import { GpuReport } from './app-state.ts';

const Id = Type.Integer({ minimum: 0 });
/** Of the models of a node; also names the worker in the page that holds it. */
const Model = Type.String({ minLength: 1, maxLength: 256 });
const Text = Type.String({ maxLength: 1_048_576 });

/** `FromWorker` of `shared/runtimes/worker-protocol.ts`, from a page that has been fed by strangers. */
const WorkerWord = Type.Union([
  Type.Object({ type: Type.Literal('loaded') }),
  Type.Object({
    type: Type.Literal('text'),
    id: Id,
    text: Text,
    tokens: Type.Integer({ minimum: 0 }),
    more: Type.Optional(Type.Unknown()),
  }),
  Type.Object({ type: Type.Literal('tool_call'), id: Id, piece: Type.Unknown() }),
  Type.Object({ type: Type.Literal('vectors'), id: Id, start: Id, count: Id, dimensions: Id, values: Type.Unknown() }),
  Type.Object({
    type: Type.Literal('done'),
    id: Id,
    finishReason: FinishReason,
    finishReasons: Type.Optional(Type.Array(FinishReason)),
    stopSequence: Type.Optional(Text),
    usage: Usage,
    output: Type.Optional(JsonInput),
  }),
  Type.Object({ type: Type.Literal('cancelled'), id: Id, usage: Usage }),
  Type.Object({
    type: Type.Literal('problem'),
    id: Type.Union([Id, Type.Null()]),
    problem: ProblemRecord,
    fault: Type.Union([Type.String(), Type.Null()]),
  }),
  /** The model's worker is gone and its memory with it. */
  Type.Object({ type: Type.Literal('unloaded') }),
]);

/** What the compute page says: once what it runs on, then what its workers say. */
export const ComputeHello = Type.Object({
  ...GpuReport.properties,
  /** What the relay is told of the adapter; null where there is none. Absent is null. */
  webgpu: Type.Optional(Type.Union([WebGpu, Type.Null()])),
});
export type ComputeHello = Static<typeof ComputeHello>;
export const ComputeWord = Type.Object({ model: Model, word: WorkerWord }, { additionalProperties: false });
export type ComputeWord = { model: string; word: FromWorker | { type: 'unloaded' } };
