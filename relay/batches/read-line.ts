import type { BatchEndpoint, BatchFault } from '../../shared/api/batches.ts';
import { isObject } from '../../shared/registry/json-schema.ts';
import type { BatchLimits } from './batch-limits.ts';
import type { RawLine } from './raw-lines.ts';

const CUSTOM_ID_MOST = 512;

export type AskedLine = { customId: string; body: Record<string, unknown> };

/** A line of the input as a request, or what is wrong with it that no answer could tell: it is the file then that is wrong. */
export function readLine(
  { number, sizeBytes, text }: Pick<RawLine, 'number' | 'sizeBytes' | 'text'>,
  endpoint: BatchEndpoint,
  { mostLineBytes }: Pick<BatchLimits, 'mostLineBytes'>,
): AskedLine | BatchFault {
  if (sizeBytes > mostLineBytes) {
    return fault('line_too_large', `The line has ${sizeBytes} bytes; one may have ${mostLineBytes}.`, number);
  }
  const request = text === undefined ? undefined : parse(text);
  if (!isObject(request)) return fault('invalid_json_line', 'The line is not a JSON object in UTF-8.', number);
  const { custom_id: customId, method, url, body } = request;
  if (typeof customId !== 'string' || customId === '' || customId.length > CUSTOM_ID_MOST) {
    return fault('invalid_value', `A custom_id is a text of 1 to ${CUSTOM_ID_MOST} characters.`, number, 'custom_id');
  }
  if (method !== 'POST') return fault('invalid_method', 'The method of every line is POST.', number, 'method');
  if (url !== endpoint) return fault('mismatched_url', `The url of every line is ${endpoint}.`, number, 'url');
  if (!isObject(body)) return fault('invalid_value', 'The body is a JSON object.', number, 'body');
  return { customId, body };
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
