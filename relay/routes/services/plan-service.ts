import { READS_FILES } from '../../../shared/agent/capability-document.ts';
import { RoutingRequest } from '../../../shared/api/routing.ts';
import { sizeOf } from '../../../shared/policy/decide.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import type { JobInput } from '../../../shared/protocol/messages.ts';
import { isServiceType, type JobType } from '../../../shared/protocol/subjects.ts';
import { validatorOf } from '../../../shared/protocol/validator.ts';
import { isObject, type JsonSchema } from '../../../shared/registry/json-schema.ts';
import { withDefaults } from '../../../shared/registry/prompt.ts';
import { isJobType } from '../../../shared/registry/read-service.ts';
import { mayAsk, type Principal } from '../../access/api-keys.ts';
import type { LiveNode, NodeTable } from '../../fabric/nodes/node-table.ts';
import { createAvailability, isModelFor, isParticular, meetsNeeds } from '../../registry/service-availability.ts';
import type { RegisteredService } from '../../registry/service-registry.ts';
import { hasCapability } from '../../scheduler/filters.ts';
import type { Routing } from '../../scheduler/routing.ts';
import type { JobOrder, RelayServices } from '../../services.ts';
import { chooseModel } from '../routing/choose-model.ts';
import { type RoutingOptions, readRoutingOptions } from '../routing/routing-options.ts';
import { routingFor, withFile } from './file-input.ts';
import { readJobInput } from './service-input.ts';
import { type OutputReader, openReader } from './service-output.ts';

const RETRY_AFTER_MS = 1_000;
/** The longest that a timer takes: the job's own time limit is shorter. */
const SILENT_MS = 2 ** 31 - 1;
const routingRequest = validatorOf(RoutingRequest);

/** What is asked of the nodes for a call of a service, and how their answer becomes its output. */
export type ServicePlan = { readonly order: JobOrder; readonly reader: OutputReader };

/** A call whose input is right; which model does the work is still open. */
type Call = {
  service: RegisteredService;
  type: JobType;
  /** The model that the caller named. */
  named: string | undefined;
  jobInput: JobInput;
  routing: Routing;
  caller: Principal;
};

/**
 * Reads the body of a call and decides which model does the work. Errors: `invalid_value` and
 * `missing_required_parameter` with the member, `service_not_runnable`, `model_not_found`, `no_capacity` with what no
 * node has, `file_not_found`, `file_too_large`.
 */
export async function planService(
  service: RegisteredService,
  body: unknown,
  caller: Principal,
  services: RelayServices,
): Promise<ServicePlan> {
  const { input, wishes } = readBody(service, body, services);
  const { id, runtime } = service.definition;
  if (!isJobType(runtime.type)) {
    const sentence = `${id} needs the runtime "${runtime.type}", which no node of this version has. GET /v1/registry/services/${id}/requirements says more.`;
    throw new Problem('service_not_runnable', sentence);
  }
  const { type } = runtime;
  const withContent = await withFile(service.definition, type, input, caller.keyId, services);
  const jobInput = readJobInput(service.definition, type, withContent);
  const named = typeof input.model === 'string' ? input.model : undefined;
  const call = { asked: input, input: jobInput };
  const routing = routingFor(service.definition, call, wishes.routing);
  const who = await whoDoes({ service, type, named, jobInput, routing, caller }, services);
  const reader = await openReader(service, call, caller.keyId, services);
  const order = { ...wishes, ...who, type, stream: false, input: jobInput, service: id, files: reader.files };
  // Between its start and its end a program or a kernel says nothing; that its node lives is seen otherwise.
  return { order: isServiceType(type) ? { ...order, stallTimeoutMs: SILENT_MS } : order, reader };
}

function readBody(
  { definition, checkInput }: RegisteredService,
  body: unknown,
  services: RelayServices,
): { input: JsonSchema; wishes: RoutingOptions } {
  if (!isObject(body)) throw new Problem('invalid_value', 'The body must be a JSON object.');
  const { routing = null, ...rest } = body;
  const fault = checkInput(rest);
  if (fault !== undefined) {
    const code = fault.isMissing ? 'missing_required_parameter' : 'invalid_value';
    throw new Problem(code, fault.sentence, fault.path === '' ? {} : { param: fault.path });
  }
  if (routing !== null && !routingRequest.Check(routing)) {
    const [at] = routingRequest.Errors(routing);
    const path = `routing${(at?.instancePath ?? '').replaceAll('/', '.')}`;
    throw new Problem('invalid_value', `Invalid value for '${path}': it ${at?.message ?? 'is not valid'}.`, {
      param: path,
    });
  }
  return { input: withDefaults(rest, definition.input), wishes: readRoutingOptions(routing, services) };
}

/** The model that was named, else the one that the service prefers if a node has it, else the freest that fits. */
async function whoDoes(call: Call, services: RelayServices): Promise<{ model: string; routing: Routing }> {
  const { service, type, named, caller, routing } = call;
  const { definition } = service;
  if (named !== undefined) assertModel(named, call, services);
  const mayTake = nodesFor(definition, routing, services.table);
  const usual = definition.default_model;
  const preferred =
    named ?? (usual !== null && mayAsk(caller, usual) ? served(usual, mayTake.node, services) : undefined);
  if (preferred !== undefined) {
    if (named !== undefined && mayTake.isNobody()) throw noCapacity(definition, routing, services);
    return { model: preferred, routing: mayTake.routing };
  }
  const size = sizeOf({ type, input: call.jobInput });
  const fitting = { model: (name: string) => isModelFor(definition, name), node: mayTake.node };
  const chosen = await chooseModel({ type, size }, caller, fitting, services);
  if (chosen === undefined) throw noCapacity(definition, routing, services);
  const ignore = new Set([...mayTake.routing.ignore, ...chosen.ignore]);
  return { model: chosen.model, routing: { ...mayTake.routing, ignore } };
}

function assertModel(model: string, { service, type }: Call, { models }: RelayServices): void {
  const { id, requirements } = service.definition;
  if (!isModelFor(service.definition, model)) {
    const wanted = requirements.models?.join(' or ');
    throw new Problem('invalid_value', `${id} runs on models named ${wanted}.`, { param: 'model' });
  }
  models.assertKnown(model, type);
}

type MayTake = { routing: Routing; node: (node: LiveNode) => boolean; isNobody: () => boolean };

/** Which nodes may take the call, as a filter and as routing. Only a service with needs of its own looks at them all. */
export function nodesFor(definition: RegisteredService['definition'], routing: Routing, table: NodeTable): MayTake {
  const isNamed = ({ id, slug }: LiveNode, names: ReadonlySet<string>): boolean => names.has(id) || names.has(slug);
  const isAllowed = (node: LiveNode): boolean =>
    (routing.only === null || isNamed(node, routing.only)) &&
    !isNamed(node, routing.ignore) &&
    routing.capabilities.every((capability) => hasCapability(node, capability));
  if (!isParticular(definition)) return { routing, node: isAllowed, isNobody: () => false };
  const unfit = table.live().filter((node) => !meetsNeeds(node, definition));
  const ignore = new Set([...routing.ignore, ...unfit.map(({ id }) => id)]);
  const isFit = (node: LiveNode): boolean => isAllowed(node) && !ignore.has(node.id);
  return { routing: { ...routing, ignore }, node: isFit, isNobody: () => !table.live().some(isFit) };
}

function served(model: string, mayTake: (node: LiveNode) => boolean, { table }: RelayServices): string | undefined {
  return [...table.serving(model)].some(mayTake) ? model : undefined;
}

/** Says what no node has, where that is the reason; else the nodes that have it are not to be had now. */
function noCapacity(
  definition: RegisteredService['definition'],
  { capabilities }: Routing,
  { table }: RelayServices,
): Problem {
  const { id } = definition;
  const { missing } = createAvailability(table.live())(definition);
  const sentence =
    missing.length > 0
      ? `No node has ${missing.join(', nor ')}, which ${id} needs. Start a node that does, or try again later.`
      : capabilities.includes(READS_FILES)
        ? `No node can run ${id} and fetch a file of this size now. Send a smaller one, or try again later.`
        : `No node that may take this call can run ${id} now. Try again in a moment, or allow more nodes.`;
  return new Problem('no_capacity', sentence, { retryAfterMs: RETRY_AFTER_MS });
}
