import { type Command, Option } from 'commander';
import type {
  NodeDetails,
  NodeHealth,
  NodePage,
  PendingTaskDetails,
  PendingTasks,
  Task,
} from '../../../shared/api/nodes.ts';
import type { ForgottenNode, NodeStanding } from '../../../shared/api/pairing.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { deleteJson, getJson, postJson } from '../client/get-json.ts';
import { clientCommand, type JsonOption, operatorCommand, print } from '../options/answering-command.ts';
import { readClient, readOperator } from '../options/client-options.ts';
import { inputOf } from '../options/input-of.ts';
import { parseSeconds } from '../options/options.ts';
import { suggest } from '../terminal/next-step.ts';
import {
  capabilitiesText,
  healthText,
  nodesTable,
  pendingTable,
  pendingText,
  taskText,
} from '../terminal/node-views.ts';

type SendOptions = JsonOption & { type: string; model?: string; wait: boolean };
type ReasonOptions = JsonOption & { reason?: string };
type DrainOptions = ReasonOptions & { deadline: number };
type ApproveOptions = JsonOption & { sha256?: string };

/** How long a task that is waited for is left alone between two looks. */
const LOOK_EVERY_MS = 500;

/** `sparewatt nodes …`: the tool `nodes` for people, and what an operator does with nodes. */
export function defineNodesCommand(nodes: Command): void {
  addViews(nodes);
  addTasks(nodes);
  addApprovals(nodes);
  addAdministration(nodes);
}

function addViews(nodes: Command): void {
  clientCommand(nodes, 'list', 'the nodes that the relay knows').action(async (options: JsonOption) => {
    const data: NodePage['data'] = [];
    const { relayUrl, apiKey } = await readClient(options);
    let after: string | null = '';
    while (after !== null) {
      const page: NodePage = await getJson(relayUrl, `/v1/nodes?limit=1000&after=${encodeURIComponent(after)}`, apiKey);
      data.push(...page.data);
      after = page.next;
    }
    print(options, data, nodesTable(data));
  });
  clientCommand(nodes, 'health', 'whether a node would be given a job, and how it did so far')
    .argument('<node>', 'id or slug')
    .action(async (node: string, options: JsonOption) => {
      const { relayUrl, apiKey } = await readClient(options);
      const health = await getJson<NodeHealth>(relayUrl, `${pathOf(node)}/health`, apiKey);
      print(options, health, healthText(health));
    });
  clientCommand(nodes, 'capabilities', 'what a node says of itself')
    .argument('<node>', 'id or slug')
    .action(async (node: string, options: JsonOption) => {
      const { relayUrl, apiKey } = await readClient(options);
      const details = await getJson<NodeDetails>(relayUrl, pathOf(node), apiKey);
      print(options, details.document, capabilitiesText(details));
    });
}

function addTasks(nodes: Command): void {
  clientCommand(nodes, 'send', 'run a task on exactly this node')
    .argument('<node>', 'id or slug')
    .argument('<task>', 'a prompt, a text to embed, or the input as JSON')
    .addOption(new Option('--type <type>', 'kind of the task').default('llm'))
    .addOption(new Option('--model <id>', 'model (default: the first of the node)'))
    .addOption(new Option('--no-wait', 'print the id of the task at once instead of its result'))
    .action(async (node: string, text: string, { type, model, wait, ...options }: SendOptions) => {
      const { relayUrl, apiKey } = await readClient(options);
      const body = { type, input: inputOf(text), ...(model === undefined ? {} : { model }) };
      const sent = await postJson<Task>(relayUrl, `${pathOf(node)}/tasks`, apiKey, body);
      const task = wait && sent.state === 'running' ? await whenEnded(sent, relayUrl, apiKey) : sent;
      print(options, task, taskText(task));
      failUnlessWell(task);
    });
  clientCommand(nodes, 'result', 'a task and its result')
    .argument('<task-id>')
    .action(async (id: string, options: JsonOption) => {
      const { relayUrl, apiKey } = await readClient(options);
      const task = await getJson<Task>(relayUrl, taskPath(id), apiKey);
      print(options, task, taskText(task));
      failUnlessWell(task);
    });
  clientCommand(nodes, 'cancel', 'end a task that runs or waits for approval')
    .argument('<task-id>')
    .action(async (id: string, options: JsonOption) => {
      const { relayUrl, apiKey } = await readClient(options);
      const task = await deleteJson<Task>(relayUrl, taskPath(id), apiKey);
      print(options, task, task.state === 'cancelled' ? `The task ${id} was cancelled.\n` : taskText(task));
    });
}

function addApprovals(nodes: Command): void {
  operatorCommand(nodes, 'approvals', 'the tasks that wait until you approve or refuse them')
    .argument('[task-id]', 'show this one with its input')
    .action(async (id: string | undefined, options: JsonOption) => {
      const { relayUrl, adminToken } = await readOperator(options);
      if (id === undefined) {
        const { data } = await getJson<PendingTasks>(relayUrl, '/v1/admin/tasks', adminToken);
        return print(options, data, pendingTable(data));
      }
      const task = await getJson<PendingTaskDetails>(relayUrl, adminTaskPath(id), adminToken);
      return print(options, task, pendingText(task));
    });
  operatorCommand(nodes, 'approve', 'let a task run')
    .argument('<task-id>')
    .addOption(new Option('--sha256 <hash>', 'only if its input has this hash, as approvals shows it'))
    .action((id: string, { sha256, ...options }: ApproveOptions) => {
      const body = sha256 === undefined ? {} : { input_sha256: sha256 };
      return operate(options, `${adminTaskPath(id)}/approve`, body, {
        said: () => `The task ${id} runs.`,
        next: ['Its result:', `nodes result ${id}`],
      });
    });
  operatorCommand(nodes, 'refuse', 'refuse a task')
    .argument('<task-id>')
    .addOption(reasonOption('told to whoever asked'))
    .action((id: string, options: ReasonOptions) =>
      operate(options, `${adminTaskPath(id)}/refuse`, reasonOf(options), {
        said: () => `The task ${id} was refused.`,
        next: ['What else waits:', 'nodes approvals'],
      }),
    );
}

function addAdministration(nodes: Command): void {
  const admin = (node: string, action: string): string => `/v1/admin/nodes/${encodeURIComponent(node)}/${action}`;
  operatorCommand(nodes, 'cordon', 'give a node no new jobs')
    .argument('<node>')
    .addOption(reasonOption('shown beside the node'))
    .action((node: string, options: ReasonOptions) =>
      operate(options, admin(node, 'cordon'), reasonOf(options), {
        said: ({ id, slots }: NodeDetails) => `${id} gets no new jobs.${runningText(slots.used)}`,
        next: ['Give it jobs again:', `nodes uncordon ${node}`],
      }),
    );
  operatorCommand(nodes, 'drain', 'give a node no new jobs and wait for those that run')
    .argument('<node>')
    .addOption(reasonOption('shown beside the node'))
    .addOption(new Option('--deadline <seconds>', 'wait no longer').argParser(parseSeconds).default(30))
    .action((node: string, options: DrainOptions) => {
      const body = { ...reasonOf(options), deadline_ms: Math.round(options.deadline * 1_000) };
      return operate(options, admin(node, 'drain'), body, {
        said: ({ id, slots }: NodeDetails) =>
          slots.used === 0 ? `${id} is drained: it runs nothing.` : `${id} gets no new jobs.${runningText(slots.used)}`,
        next: ['Give it jobs again:', `nodes uncordon ${node}`],
      });
    });
  operatorCommand(nodes, 'uncordon', 'give a node jobs again')
    .argument('<node>')
    .action((node: string, options: JsonOption) =>
      operate(options, admin(node, 'uncordon'), undefined, {
        said: ({ id, status }: NodeDetails) =>
          status === 'ready' || status === 'full'
            ? `${id} gets jobs again.`
            : `${id} may get jobs again; it is ${status}.`,
        next: ['How it does:', `nodes health ${node}`],
      }),
    );
  operatorCommand(nodes, 'label', 'set labels (room=attic) and take them away (room=)')
    .argument('<node>')
    .argument('<name=value...>')
    .action((node: string, labels: string[], options: JsonOption) =>
      operate(
        options,
        admin(node, 'labels'),
        { labels: labelsOf(labels) },
        {
          said: ({ id, labels: now }: NodeDetails) => `${id} is labelled ${labelsText(now)}.`,
          next: ['Take one away:', `nodes label ${node} ${labels[0]?.split('=')[0] ?? 'name'}=`],
        },
      ),
    );
  operatorCommand(nodes, 'approve-node', 'let a node in that waits for it, or was revoked')
    .argument('<node>')
    .action((node: string, options: JsonOption) =>
      operate(options, admin(node, 'approve'), undefined, {
        said: ({ nodeId }: NodeStanding) =>
          `${nodeId} is let in. If it has ended meanwhile, its owner starts it again.`,
        next: ['Watch for it:', 'nodes list'],
      }),
    );
  operatorCommand(nodes, 'revoke', 'shut a node out and cut its connection')
    .argument('<node>')
    .action((node: string, options: JsonOption) =>
      operate(options, admin(node, 'revoke'), undefined, {
        said: ({ nodeId }: NodeStanding) => `${nodeId} is shut out, and what it ran goes to other nodes.`,
        next: ['Let it in again:', `nodes approve-node ${node}`],
      }),
    );
  operatorCommand(nodes, 'forget', 'take a node that is gone out of all lists; its receipts and credits stay')
    .argument('<node>')
    .action(async (node: string, options: JsonOption) => {
      const { relayUrl, adminToken } = await readOperator(options);
      const path = `/v1/admin/nodes/${encodeURIComponent(node)}`;
      const answer = await deleteJson<ForgottenNode>(relayUrl, path, adminToken);
      print(options, answer, `${answer.nodeId} is forgotten. Its receipts and credits stay.\n`);
      suggest(options, 'To let it in anew, make a code:', 'pair');
    });
}

function reasonOption(what: string): Option {
  return new Option('--reason <text>', what);
}

/** What is said of the answer, and what a person may want to do next. */
type Told<Answer> = { said(answer: Answer): string; next: readonly [what: string, command: string] };

async function operate<Answer>(options: JsonOption, path: string, body: unknown, told: Told<Answer>): Promise<void> {
  const { relayUrl, adminToken } = await readOperator(options);
  const answer = await postJson<Answer>(relayUrl, path, adminToken, body);
  print(options, answer, `${told.said(answer)}\n`);
  suggest(options, ...told.next);
}

function runningText(count: number): string {
  if (count === 0) return '';
  return count === 1 ? ' One job that runs there goes on.' : ` ${count} jobs that run there go on.`;
}

function labelsText(labels: NodeDetails['labels']): string {
  const entries = Object.entries(labels);
  return entries.length === 0 ? 'nothing' : entries.map(([name, value]) => `${name}=${value}`).join(' ');
}

function pathOf(node: string): string {
  return `/v1/nodes/${encodeURIComponent(node)}`;
}

function taskPath(id: string): string {
  return `/v1/tasks/${encodeURIComponent(id)}`;
}

function adminTaskPath(id: string): string {
  return `/v1/admin/tasks/${encodeURIComponent(id)}`;
}

function reasonOf({ reason }: ReasonOptions): { reason?: string } {
  return reason === undefined ? {} : { reason };
}

function labelsOf(pairs: readonly string[]): Record<string, string | null> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [name = '', ...rest] = pair.split('=');
      if (name === '' || rest.length === 0) throw new Problem('invalid_option', 'A label looks like room=attic.');
      return [name, rest.join('=') || null];
    }),
  );
}

async function whenEnded(sent: Task, relayUrl: string, apiKey: string): Promise<Task> {
  let task = sent;
  while (task.state === 'running') {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    task = await getJson<Task>(relayUrl, taskPath(sent.id), apiKey);
  }
  return task;
}

/** Scripts look at the exit code. */
function failUnlessWell({ state }: Task): void {
  if (!['succeeded', 'running', 'awaiting_approval'].includes(state)) process.exitCode = 1;
}
