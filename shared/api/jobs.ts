import { type Static, Type } from 'typebox';
import { ProblemRecord } from '../problems/problem.ts';
import { Usage } from '../protocol/messages.ts';
import { Receipt } from '../receipts/receipt.ts';
import { Nullable } from './chat.ts';

const FinalState = Type.Union([Type.Literal('succeeded'), Type.Literal('failed'), Type.Literal('cancelled')]);
const Time = Type.Integer({ description: 'Milliseconds since 1970' });

const Attempt = Type.Object({
  attempt: Type.Integer({ minimum: 1 }),
  nodeId: Type.String(),
  epoch: Type.Integer(),
  state: FinalState,
  problem: Nullable(ProblemRecord),
  queuedAt: Time,
  startedAt: Nullable(Time),
  finishedAt: Time,
  firstTokenAt: Nullable(Time),
});

/** `GET /v1/jobs/{id}`: a job that has ended, without its prompt and answer, which are never kept. */
export const FinishedJob = Type.Object({
  id: Type.String(),
  requestId: Type.String(),
  apiKeyId: Type.String(),
  type: Type.String(),
  model: Type.String(),
  stream: Type.Boolean(),
  state: FinalState,
  problem: Nullable(ProblemRecord),
  createdAt: Time,
  startedAt: Nullable(Time),
  finishedAt: Time,
  usage: Nullable(Usage),
  attempts: Type.Array(Attempt),
  receipt: Nullable(Receipt),
});
export type FinishedJob = Static<typeof FinishedJob>;
