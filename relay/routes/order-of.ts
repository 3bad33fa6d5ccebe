import { Problem } from '../../shared/problems/problem.ts';
import { CAPABILITY_TYPES, type JobType } from '../../shared/protocol/subjects.ts';
import { SERVICE_OF_JOB_TYPE } from '../../shared/receipts/statements.ts';
import type { NodeTable } from '../fabric/node-table.ts';
import type { JobOrder } from '../services.ts';
import { readInput } from './task-order.ts';

export type OrderModels = { table: NodeTable; assertKnown: (id: string, type: JobType) => void };

/**
 * What a job of this service asks of a node. The model is the one that is named, else that of the input, else the first
 * by name that a connected node serves for it.
 *
 * A model that no connected node has ever served is refused only while some node serves this type of job: after a start
 * of the relay its nodes are not back yet, and the job can wait for them.
 *
 * Errors: `invalid_value`, `model_not_found`, `no_capacity` when no model is named and none is served.
 */
export function orderOf(service: string, input: unknown, wanted: string | undefined, models: OrderModels): JobOrder {
  const type = typeOf(service);
  const served = [...models.table.models().values()].filter((one) => one.type === type).map(({ name }) => name);
  const model = wanted ?? modelOfInput(input) ?? served.sort()[0];
  if (model === undefined) {
    throw new Problem('no_capacity', `No connected node serves ${service}. Name a model, and the job waits for it.`, {
      retryAfterMs: 1_000,
    });
  }
  if (served.length > 0) models.assertKnown(model, type);
  return { type, model, stream: false, input: readInput(type, model, withoutModel(type, input)) };
}

function typeOf(service: string): JobType {
  const found = Object.entries(SERVICE_OF_JOB_TYPE).find(([, id]) => id === service)?.[0];
  if (found !== undefined) return found as JobType;
  const known = Object.values(SERVICE_OF_JOB_TYPE).join(', ');
  throw new Problem('invalid_value', `There is no service "${service}". Known are ${known}.`, { param: 'service' });
}

/** The bodies of chat and embeddings calls have it in their schema, the inputs of a capability do not. */
function withoutModel(type: JobType, input: unknown): unknown {
  if (!(CAPABILITY_TYPES as readonly string[]).includes(type) || modelOfInput(input) === undefined) return input;
  const { model: _, ...rest } = input as Record<string, unknown>;
  return rest;
}

function modelOfInput(input: unknown): string | undefined {
  if (typeof input !== 'object' || input === null || !('model' in input)) return undefined;
  return typeof input.model === 'string' ? input.model : undefined;
}
