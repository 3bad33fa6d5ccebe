import { Problem } from '../../../shared/problems/problem.ts';
import { CAPABILITY_TYPES, isServiceType, type JobType } from '../../../shared/protocol/subjects.ts';
import { SERVICE_OF_JOB_TYPE } from '../../../shared/receipts/statements.ts';
import { isObject, type JsonSchema } from '../../../shared/registry/json-schema.ts';
import { mayAsk, type Principal } from '../../access/api-keys.ts';
import type { NodeTable } from '../../fabric/nodes/node-table.ts';
import type { JobOrder, RelayServices } from '../../services.ts';
import { planService } from '../services/plan-service.ts';
import { readInput } from '../tasks/task-order.ts';

/** What a job of the queue asks of a node, and the input its result is made with where it is a service's own. */
export type QueuedWork = { order: JobOrder; asked?: JsonSchema };

/**
 * What a job of this service asks of a node. The services behind the types of jobs take the bodies of the synchronous
 * calls too; every other one takes the input of its schema, with a model where the caller names one.
 *
 * Errors: `service_not_found`, `invalid_value`, `model_not_found`, `service_not_runnable`, `no_capacity`.
 */
export async function orderOf(
  service: string,
  { input, model }: { input: unknown; model: string | undefined },
  caller: Principal,
  services: RelayServices,
): Promise<QueuedWork> {
  const type = TYPE_OF_SERVICE.get(service);
  if (type !== undefined) return { order: await orderOfType(type, { input, model }, caller, services) };
  const registered = services.registry.get(service, 'service');
  if (!isObject(input)) throw new Problem('invalid_value', 'The input must be a JSON object.', { param: 'input' });
  const asked = model === undefined ? input : { ...input, model };
  const { order } = await planService(registered, asked, caller, services).catch(blameInput);
  return { order, asked };
}

/** A job has the input of its service as a member of its body. */
function blameInput(error: unknown): never {
  if (!(error instanceof Problem) || error.param === undefined || error.param === 'model') throw error;
  const { code, message, param, retryAfterMs } = error;
  throw new Problem(code, message, {
    param: `input.${param}`,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** What runs in programs and kernels is asked for by services of the registry alone. */
const TYPE_OF_SERVICE = new Map(
  Object.entries(SERVICE_OF_JOB_TYPE)
    .filter(([type]) => !isServiceType(type))
    .map(([type, service]) => [service, type as JobType]),
);

/**
 * The model is the one that is named, else that of the input, else the first by name that a connected node serves and the key is for.
 *
 * A model that no connected node has ever served is refused only while some node serves this type of job: after a start
 * of the relay its nodes are not back yet, and the job can wait for them.
 */
async function orderOfType(
  type: JobType,
  { input, model: wanted }: { input: unknown; model: string | undefined },
  caller: Principal,
  { table, models, homecoming }: Pick<RelayServices, 'table' | 'models' | 'homecoming'>,
): Promise<JobOrder> {
  const firstServed = async (): Promise<string | undefined> => {
    const served = servedModels(type, table).sort();
    return served.find((name) => mayAsk(caller, name)) ?? served[0];
  };
  const model = wanted ?? modelOfInput(input) ?? (await homecoming.find(firstServed));
  if (model === undefined) {
    const sentence = `No connected node serves ${SERVICE_OF_JOB_TYPE[type]}. Name a model, and the job waits for it.`;
    throw new Problem('no_capacity', sentence, { retryAfterMs: 1_000 });
  }
  if (table.servesType(type)) models.assertKnown(model, type);
  return { type, model, stream: false, input: readInput(type, model, withoutModel(type, input)) };
}

function servedModels(type: JobType, table: NodeTable): string[] {
  return [...table.models().values()].filter((one) => one.type === type).map(({ name }) => name);
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
