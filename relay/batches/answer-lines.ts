import { toErrorBody } from '../../shared/problems/http.ts';
import { fromProblemRecord } from '../../shared/problems/problem.ts';
import type { BatchLineEnd, BatchLineNow, BatchRecord } from '../store/batch-store.ts';

/** What an answered line says in the output file. `result` is the body of its answer, as JSON. */
export function answerLine(batch: BatchRecord, line: BatchLineNow, end: BatchLineEnd, result: string): string {
  const about = `"response":{"status_code":200,"request_id":${JSON.stringify(end.requestId)},"body":${result}}`;
  return lineOf(`${headOf(batch, line)},${about},"error":null`);
}

/** What any other line says in the error file: the answer of the route it is for, or that nobody asked it. */
export function errorLine(batch: BatchRecord, line: BatchLineNow): string {
  const unasked = unaskedOf(batch, line.end);
  if (unasked !== undefined) return lineOf(`${headOf(batch, line)},"response":null,"error":${JSON.stringify(unasked)}`);
  const { problem = null, requestId = '' } = line.end ?? {};
  const refusal = fromProblemRecord(problem ?? { code: 'internal', detail: 'The relay does not know why.' });
  const response = { status_code: refusal.status, request_id: requestId, body: toErrorBody(refusal, requestId) };
  return lineOf(`${headOf(batch, line)},"response":${JSON.stringify(response)},"error":null`);
}

/** What many programs take for the end of a line, such as Python's `splitlines`, and JSON lets stand in texts. */
const LINE_ENDS = /[\u0085\u2028\u2029]/g;

function lineOf(members: string): string {
  const escaped = members.replace(LINE_ENDS, (end) => `\\u${end.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return `{${escaped}}\n`;
}

function headOf({ id }: BatchRecord, { number, customId, end }: BatchLineNow): string {
  // Of a line that was a job it leads to that, and so to its receipt.
  const name = `batch_req_${end?.jobId ?? `${id}_${number}`}`;
  return `"id":${JSON.stringify(name)},"custom_id":${JSON.stringify(customId)}`;
}

/** OpenAI's words for a line that the end of its batch has overtaken. */
function unaskedOf(
  { cancellingAt, finalizingAt, expiresAt }: BatchRecord,
  end: BatchLineEnd | null,
): { code: string; message: string } | undefined {
  const code = end?.problem?.code;
  if (cancellingAt !== null && (end === null || code === 'cancelled')) {
    return { code: 'batch_cancelled', message: 'The batch was cancelled before this request was answered.' };
  }
  if (end === null || (code === 'job_expired' && (finalizingAt ?? 0) >= expiresAt)) {
    return { code: 'batch_expired', message: 'This request was not answered within the completion window.' };
  }
  return undefined;
}
