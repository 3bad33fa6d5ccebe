import type { KeyScope } from '../../shared/api/keys.ts';
import type { ModelList } from '../../shared/api/models.ts';
import type { NodeDetails, NodeHealth, NodePage, Task, TaskRequest } from '../../shared/api/nodes.ts';
import type { NodesToolArguments, NodesToolResult } from '../../shared/api/nodes-tool.ts';
import { counted } from '../../shared/problems/counted.ts';
import { Problem, toProblem } from '../../shared/problems/problem.ts';
import { cancelTask, findTask, orderTask, type TaskAsker, type TaskOwner } from '../routes/tasks/order-task.ts';
import type { RelayServices } from '../services.ts';

/** Who asks the tool, and how it reaches them meanwhile. */
export type NodesToolCaller = TaskOwner &
  TaskAsker & {
    /** Errors: `insufficient_scope`. */
    assertScope(scope: KeyScope): void;
    /** Ends when nobody listens any more. */
    readonly signal: AbortSignal;
    /** Tells that a task still goes on. */
    onProgress(sentence: string): void;
  };

const LISTED = 100;
const PROGRESS_EVERY_MS = 1_000;

/**
 * The five actions of the tool `nodes`, over what the HTTP API stands on. Never rejects: a refusal is an answer that
 * says what to do.
 */
export async function runNodesTool(
  args: NodesToolArguments,
  caller: NodesToolCaller,
  services: RelayServices,
): Promise<NodesToolResult> {
  try {
    caller.assertScope(SCOPE_OF[args.action]);
    const [output, data] = await ACTIONS[args.action](args, caller, services);
    return { success: true, output, data };
  } catch (error) {
    const problem = toProblem(error);
    if (problem.code === 'internal') services.log.error({ err: error }, 'the tool nodes met a fault of the relay');
    return { success: false, output: '', error: problem.message, code: problem.code };
  }
}

type Action = (
  args: NodesToolArguments,
  caller: NodesToolCaller,
  services: RelayServices,
) => Promise<[output: string, data: NonNullable<NodesToolResult['data']>]>;

/** What the same takes over HTTP. */
const SCOPE_OF: Record<NodesToolArguments['action'], KeyScope> = {
  list: 'catalog',
  health: 'catalog',
  capabilities: 'catalog',
  send: 'inference',
  result: 'inference',
};

const ACTIONS: Record<NodesToolArguments['action'], Action> = {
  list: async ({ after }, _caller, { directory }) => {
    const page = directory.list({ limit: LISTED, after });
    return [listText(page), page];
  },
  health: async (args, _caller, { directory }) => {
    const health = directory.health(required(args, 'node_id'));
    return [healthText(health), health];
  },
  capabilities: async ({ node_id }, _caller, { directory, models }) => {
    if (node_id === undefined) {
      const list: ModelList = { object: 'list', data: models.list() };
      return [modelsText(list), list];
    }
    const details = directory.get(node_id);
    return [capabilitiesText(details), details];
  },
  send: async (args, caller, services) => {
    const { task } = orderTask(required(args, 'node_id'), taskRequestOf(args), caller, services);
    // A person may take an hour, and an agent whose call times out would take the task back.
    if (args.wait === true && task.state === 'running') await followTask(task.id, caller, services);
    const now = await findTask(task.id, caller, services);
    return [taskText(now), now];
  },
  result: async (args, caller, services) => {
    const task = await findTask(required(args, 'task_id'), caller, services);
    return [taskText(task), task];
  },
};

function required(args: NodesToolArguments, name: 'node_id' | 'task_id'): string {
  const value = args[name];
  if (value !== undefined) return value;
  throw new Problem('missing_required_parameter', `The action ${args.action} needs ${name}.`, { param: name });
}

function taskRequestOf({ task, input, type = 'llm', model }: NodesToolArguments): TaskRequest {
  if (task !== undefined && input !== undefined) {
    throw new Problem('invalid_value', 'Send either task or input, not both.', { param: 'input' });
  }
  const asked = input ?? task;
  if (asked !== undefined) return { type, model: model ?? null, input: asked };
  throw new Problem('missing_required_parameter', 'The action send needs task, or input.', { param: 'task' });
}

/** Returns when the task has ended. Whoever stops listening has no use for the result. */
async function followTask(id: string, caller: NodesToolCaller, services: RelayServices): Promise<void> {
  const { signal } = caller;
  const tell = async (): Promise<void> => caller.onProgress(taskText(await findTask(id, caller, services)));
  const onAbort = (): void => void cancelTask(id, caller, services).catch(() => undefined);
  const timer = setInterval(() => void tell().catch(() => undefined), PROGRESS_EVERY_MS);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await tell();
    await services.tasks.whenEnded(id);
  } finally {
    clearInterval(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

function listText({ data, next }: NodePage): string {
  if (data.length === 0) return 'No node has joined yet.';
  const rows = data.map(({ id, status, capabilities, slots }) => {
    return `${id}  ${status}  ${slots.used}/${slots.total} slots  ${capabilities.join(', ')}`.trimEnd();
  });
  return [...rows, ...(next === null ? [] : [`More: list with after=${next}.`])].join('\n');
}

function modelsText({ data }: ModelList): string {
  if (data.length === 0) return 'No node serves a model now.';
  return data.map(({ id, status, nodes }) => `${id}  ${status}  ${counted(nodes, 'node')}`).join('\n');
}

function capabilitiesText({ id, capabilities, models }: NodeDetails): string {
  return [`${id}: ${capabilities.join(', ') || 'nothing now'}`, ...models.map(({ name }) => name)].join('\n');
}

function healthText({ id, status, reasons, slots, round_trip_ms }: NodeHealth): string {
  const trip = round_trip_ms === null ? '' : `, answers in ${Math.round(round_trip_ms)} ms`;
  return [`${id} is ${status}: ${slots.used} of ${slots.total} slots taken${trip}.`, ...reasons].join(' ');
}

function taskText({ id, node, state, result, problem }: Task): string {
  if (state === 'succeeded') return resultText(result);
  if (state === 'running') return `Task ${id} runs on ${node}.`;
  if (state === 'awaiting_approval') {
    return `Task ${id} waits until a person approves it. Nothing has been sent to ${node} yet. Ask for its result later.`;
  }
  return `Task ${id} is ${state}: ${problem?.detail ?? 'no reason was kept'}`;
}

function resultText(result: unknown): string {
  const text = typeof result === 'object' && result !== null && 'text' in result ? result.text : undefined;
  return typeof text === 'string' ? text : JSON.stringify(result);
}
