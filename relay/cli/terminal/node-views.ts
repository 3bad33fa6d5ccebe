import type {
  NodeDetails,
  NodeHealth,
  NodeSummary,
  PendingTask,
  PendingTaskDetails,
  Task,
} from '../../../shared/api/nodes.ts';
import { counted } from '../../../shared/problems/counted.ts';
import type { CapabilityDocument } from '../../../shared/protocol/capabilities.ts';
import { machineTexts } from '../../../shared/protocol/machine-text.ts';
import { isServiceType } from '../../../shared/protocol/subjects.ts';
import { COMMAND } from '../own-command.ts';
import { momentText } from './moment-text.ts';
import { printable } from './printable.ts';
import { out } from './style.ts';
import { resultText, tableOf } from './tables.ts';

/** How nodes and tasks look in a terminal. */
export function nodesTable(nodes: readonly NodeSummary[], columns?: number): string {
  if (nodes.length === 0) return `No node has joined yet. Let one in with: ${COMMAND} pair\n`;
  const rows = nodes.map(({ id, kind, status, slots, models, reason }) => [
    id,
    kind,
    status,
    `${slots.used}/${slots.total}`,
    counted(models.filter(({ type }) => !isServiceType(type)).length, 'model'),
    reason ?? '',
  ]);
  return tableOf(['NODE', 'KIND', 'STATUS', 'SLOTS', 'MODELS', 'REASON'], rows, columns);
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

export function capabilitiesText({ id, capabilities, models, connected, document }: NodeDetails): string {
  if (!connected || document === null) return `${id} is not connected now, so it says nothing of itself.\n`;
  const rows = models.map(({ name, type, state }) => [name, type, state]);
  const parts = machineTexts((document as CapabilityDocument).hardware).map((part) => `  ${printable(part)}\n`);
  return `${out.bold(id)}  ${capabilities.join(', ')}\n${parts.join('')}${tableOf(['MODEL', 'KIND', 'STATE'], rows)}`;
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

export function pendingTable(tasks: readonly PendingTask[], columns?: number): string {
  if (tasks.length === 0) return 'No task waits for approval.\n';
  const rows = tasks.map(({ id, node, type, model }) => [id, node, `${type} ${model}`]);
  return `${tableOf(['TASK', 'NODE', 'WHAT'], rows, columns)}Look at one with its input: ${COMMAND} nodes approvals TASK\n`;
}

export function pendingText({ id, node, type, model, client, ...more }: PendingTaskDetails): string {
  const input = JSON.stringify(more.input, null, 2).split('\n').map(printable);
  const lines = [
    `${out.bold(id)}  for ${node}`,
    `  what    ${type} ${printable(model)}`,
    `  client  ${client}`,
    `  until   ${momentText(more.expires_at, Date.now())}`,
    `  sha256  ${more.input_sha256}`,
    `  input   ${input.join('\n          ')}`,
    '',
    `  run     ${COMMAND} nodes approve ${id}`,
    `  refuse  ${COMMAND} nodes refuse ${id} --reason …`,
  ];
  return `${lines.join('\n')}\n`;
}
