import type { BatchEndpoint, BatchFault } from '../../shared/api/batches.ts';
import { isObject } from '../../shared/registry/json-schema.ts';

/** Every line is a job; those of a key are five times as many. */
export const MOST_LINES = 1_000;
/** Read as a whole. */
export const MOST_BYTES = 32 * 1024 * 1024;
const CUSTOM_ID_MOST = 512;

export type AskedLine = { line: number; customId: string; body: Record<string, unknown> };

/** Reads the input of a batch: a request on each line. Empty lines are passed over. */
export function readLines(text: string, endpoint: BatchEndpoint): { asked: AskedLine[]; faults: BatchFault[] } {
  const asked: AskedLine[] = [];
  const faults: BatchFault[] = [];
  const seen = new Set<string>();
  const lines = text.split('\n').map((content, at) => ({ content: content.trim(), line: at + 1 }));
  const filled = lines.filter(({ content }) => content !== '');
  if (filled.length === 0) faults.push(fault('empty_file', 'The file has no lines.', null));
  if (filled.length > MOST_LINES) {
    const message = `The file has ${filled.length} lines; a batch takes ${MOST_LINES}. Make several of it.`;
    return { asked, faults: [fault('too_many_lines', message, null)] };
  }
  for (const { content, line } of filled) {
    const read = readLine(content, line, endpoint);
    if ('code' in read) faults.push(read);
    else if (seen.has(read.customId)) {
      faults.push(fault('duplicate_custom_id', 'An earlier line has the same custom_id.', line, 'custom_id'));
    } else {
      seen.add(read.customId);
      asked.push(read);
    }
  }
  return { asked, faults };
}

function readLine(content: string, line: number, endpoint: BatchEndpoint): AskedLine | BatchFault {
  const request = parse(content);
  if (!isObject(request)) return fault('invalid_json_line', 'The line is not a JSON object.', line);
  const { custom_id: customId, method, url, body } = request;
  if (typeof customId !== 'string' || customId === '' || customId.length > CUSTOM_ID_MOST) {
    return fault('invalid_value', `A custom_id has 1 to ${CUSTOM_ID_MOST} characters.`, line, 'custom_id');
  }
  if (method !== 'POST') return fault('invalid_method', 'The method of every line is POST.', line, 'method');
  if (url !== endpoint) return fault('mismatched_url', `The url of every line is ${endpoint}.`, line, 'url');
  if (!isObject(body)) return fault('invalid_value', 'The body is a JSON object.', line, 'body');
  return { line, customId, body };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function fault(code: string, message: string, line: number | null, param: string | null = null): BatchFault {
  return { code, message, param, line };
}
