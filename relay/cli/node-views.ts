import type {
  NodeDetails,
  NodeHealth,
  NodeSummary,
  PendingTask,
  PendingTaskDetails,
  Task,
} from '../../shared/api/nodes.ts';
import { COMMAND } from './own-command.ts';
import { printable } from './printable.ts';
import { out } from './style.ts';

const COLUMNS = 80;

/** How nodes and tasks look in a terminal of 80 columns. */
export function nodesTable(nodes: readonly NodeSummary[]): string {
  if (nodes.length === 0) return `No node has joined yet. Let one in with: ${COMMAND} pair\n`;
  const rows = nodes.map(({ id, status, slots, models, reason }) => [
    id,
    status,
    `${slots.used}/${slots.total}`,
    `${models.length} ${models.length === 1 ? 'model' : 'models'}`,
    reason ?? '',
  ]);
  return tableOf(['NODE', 'STATUS', 'SLOTS', 'MODELS', 'REASON'], rows);
}

export function healthText({ id, status, reasons, slots, round_trip_ms, attempts, models }: NodeHealth): string {
  const trip = round_trip_ms === null ? '–' : `${round_trip_ms.toFixed(1)} ms`;
  const lines = [
    `${out.bold(id)}  ${status}`,
    ...reasons.map((reason) => `  ${printable(reason)}`),
    `  slots       ${slots.used} of ${slots.total} taken`,
    `  round trip  ${trip}`,
    `  attempts    ${attempts.succeeded} succeeded, ${attempts.failed} failed`,
    ...models.map(
      ({ model, tokens_per_s: speed }) =>
        `  ${printable(model)}  ${speed === null ? '–' : `${speed.toFixed(1)} tokens/s`}`,
    ),
  ];
  return `${lines.join('\n')}\n`;
}

export function capabilitiesText({ id, capabilities, models, connected }: NodeDetails): string {
  if (!connected) return `${id} is not connected now, so it says nothing of itself.\n`;
  const rows = models.map(({ name, type, state }) => [name, type, state]);
  return `${out.bold(id)}  ${capabilities.join(', ')}\n${tableOf(['MODEL', 'KIND', 'STATE'], rows)}`;
}

export function taskText({ id, node, state, result, problem }: Task): string {
  switch (state) {
    case 'succeeded':
      return `${resultText(result)}\n`;
    case 'running':
      return `The task runs on ${node}. Its result: ${COMMAND} nodes result ${id}\n`;
    case 'awaiting_approval':
      return `A person must approve the task first; nothing has been sent to ${node}.\n  operator  ${COMMAND} nodes approve ${id}\n  result    ${COMMAND} nodes result ${id}\n`;
    default:
      return `The task is ${state}: ${printable(problem?.detail ?? 'no reason was kept')}\n`;
  }
}

export function pendingTable(tasks: readonly PendingTask[]): string {
  if (tasks.length === 0) return 'No task waits for approval.\n';
  const rows = tasks.map(({ id, node, type, model }) => [id, node, `${type} ${model}`]);
  return `${tableOf(['TASK', 'NODE', 'WHAT'], rows)}Look at one with its input: ${COMMAND} nodes approvals TASK\n`;
}

export function pendingText({ id, node, type, model, client, ...more }: PendingTaskDetails): string {
  const input = JSON.stringify(more.input, null, 2).split('\n').map(printable);
  const lines = [
    `${out.bold(id)}  for ${node}`,
    `  what    ${type} ${printable(model)}`,
    `  client  ${client}`,
    `  until   ${new Date(more.expires_at).toLocaleTimeString()}`,
    `  sha256  ${more.input_sha256}`,
    `  input   ${input.join('\n          ')}`,
    '',
    `  run     ${COMMAND} nodes approve ${id}`,
    `  refuse  ${COMMAND} nodes refuse ${id} --reason …`,
  ];
  return `${lines.join('\n')}\n`;
}

function resultText(result: unknown): string {
  const text = typeof result === 'object' && result !== null && 'text' in result ? result.text : undefined;
  return typeof text === 'string' ? text : JSON.stringify(result);
}

/** Columns as wide as their widest cell, but for the last, which is cut where the terminal ends. */
function tableOf(head: readonly string[], rows: readonly string[][]): string {
  const shown = rows.map((row) => row.map(printable));
  const widths = head.map((title, column) => Math.max(title.length, ...shown.map((row) => row[column]?.length ?? 0)));
  const left = widths.slice(0, -1).reduce((sum, width) => sum + width + 2, 0);
  const line = (cells: readonly string[]): string => {
    const last = cut(cells.at(-1) ?? '', Math.max(COLUMNS - left, 8));
    return [...cells.slice(0, -1).map((cell, column) => cell.padEnd(widths[column] ?? 0)), last].join('  ').trimEnd();
  };
  return `${out.dim(line(head))}\n${shown.map((row) => line(row)).join('\n')}\n`;
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
