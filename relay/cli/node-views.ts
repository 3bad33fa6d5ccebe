import type { NodeDetails, NodeHealth, NodeSummary, PendingTask, Task } from '../../shared/api/nodes.ts';
import { out } from './style.ts';

/** How nodes and tasks look in a terminal of 80 columns. */
export function nodesTable(nodes: readonly NodeSummary[]): string {
  if (nodes.length === 0) return 'No node has joined yet. Let one in with: sparewatt pair\n';
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
    ...reasons.map((reason) => `  ${reason}`),
    `  slots       ${slots.used} of ${slots.total} taken`,
    `  round trip  ${trip}`,
    `  attempts    ${attempts.succeeded} succeeded, ${attempts.failed} failed`,
    ...models.map(
      ({ model, tokens_per_s: speed }) => `  ${model}  ${speed === null ? '–' : `${speed.toFixed(1)} tokens/s`}`,
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
      return `The task runs on ${node}. Its result: sparewatt nodes result ${id}\n`;
    case 'awaiting_approval':
      return `A person must approve the task first; nothing has been sent to ${node}.\n  operator  sparewatt nodes approve ${id}\n  result    sparewatt nodes result ${id}\n`;
    default:
      return `The task is ${state}: ${problem?.detail ?? 'no reason was kept'}\n`;
  }
}

export function pendingTable(tasks: readonly PendingTask[]): string {
  if (tasks.length === 0) return 'No task waits for approval.\n';
  const rows = tasks.map(({ id, node, type, model, client }) => [id, node, `${type} ${model}`, client]);
  return tableOf(['TASK', 'NODE', 'WHAT', 'CLIENT'], rows);
}

export function pendingText({ id, node, type, model, client, ...more }: PendingTask & { input?: unknown }): string {
  const lines = [
    `${out.bold(id)}  for ${node}`,
    `  what    ${type} ${model}`,
    `  client  ${client}`,
    `  until   ${new Date(more.expires_at).toLocaleTimeString()}`,
    `  input   ${JSON.stringify(more.input, null, 2).replaceAll('\n', '\n          ')}`,
    '',
    `  sparewatt nodes approve ${id}   or   sparewatt nodes refuse ${id} --reason …`,
  ];
  return `${lines.join('\n')}\n`;
}

function resultText(result: unknown): string {
  const text = typeof result === 'object' && result !== null && 'text' in result ? result.text : undefined;
  return typeof text === 'string' ? text : JSON.stringify(result);
}

/** Columns as wide as their widest cell, but for the last. */
function tableOf(head: readonly string[], rows: readonly string[][]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return `${out.dim(line(head))}\n${rows.map((row) => line(row)).join('\n')}\n`;
}
