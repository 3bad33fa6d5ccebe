import type { Batch } from '../../../shared/api/batches.ts';
import { COMMAND } from '../own-command.ts';
import { ageText } from './job-views.ts';
import { printable } from './printable.ts';
import { out } from './style.ts';
import { tableOf } from './tables.ts';

/** More than that say nothing new. */
const FAULTS_SHOWN = 20;

/** With its key where those of every key are listed. */
export type ListedBatch = Batch & { api_key_id?: string };

/** How batches look in a terminal. */
export function batchesTable(batches: readonly ListedBatch[], now: number): string {
  if (batches.length === 0) return `There are no batches yet. Submit one with: ${COMMAND} batches submit\n`;
  const rows = batches.map((batch) => [
    batch.id,
    batch.status,
    progressText(batch),
    ageText(now - batch.created_at * 1_000),
    batch.endpoint,
    ...(batch.api_key_id === undefined ? [] : [batch.api_key_id]),
  ]);
  const heads = ['BATCH', 'STATE', 'LINES', 'AGE', 'ENDPOINT'];
  return tableOf(batches[0]?.api_key_id === undefined ? heads : [...heads, 'KEY'], rows);
}

/** A batch with how far it is, what is wrong with its file, and where its answers are. */
export function batchText(batch: Batch): string {
  const {
    id,
    status,
    endpoint,
    model,
    usage,
    input_file_id: input,
    output_file_id: output,
    error_file_id: error,
  } = batch;
  const faults = batch.errors?.data ?? [];
  const lines = [
    `${out.bold(id)}  ${status}`,
    `  endpoint  ${endpoint}`,
    ...(model === null ? [] : [`  model     ${printable(model)}`]),
    `  lines     ${progressText(batch)}`,
    ...(usage === null ? [] : [`  tokens    ${usage.input_tokens} read, ${usage.output_tokens} written`]),
    `  input     ${input}`,
    ...(output === null ? [] : [`  output    ${output}`]),
    ...(error === null ? [] : [`  errors    ${error}`]),
    ...faults.slice(0, FAULTS_SHOWN).map(({ line, code, message }) => {
      const where = line === null ? '' : `line ${line}: `;
      return `  reason    ${where}${printable(message)} (${printable(code)})`;
    }),
    ...(faults.length > FAULTS_SHOWN ? [`  and ${faults.length - FAULTS_SHOWN} more`] : []),
  ];
  return `${lines.join('\n')}\n`;
}

function progressText({ request_counts: { total, completed, failed } }: Batch): string {
  return `${completed}/${total}${failed === 0 ? '' : `, ${failed} failed`}`;
}
