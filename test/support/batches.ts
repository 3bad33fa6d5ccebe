import type OpenAI from 'openai';
import { toFile } from 'openai';
import { until } from './until.ts';

export type Batch = OpenAI.Batch;
export type Endpoint = OpenAI.BatchCreateParams['endpoint'];

/** A line of an output or error file. */
export type BatchRow = {
  id: string;
  custom_id: string;
  response: { status_code: number; request_id: string; body: unknown } | null;
  error: { code: string; message: string } | null;
};

const CHATS = '/v1/chat/completions';
const ENDS = ['completed', 'failed', 'cancelled', 'expired'];

export function lineOf(id: string, body: object, url: string = CHATS): string {
  return JSON.stringify({ custom_id: id, method: 'POST', url, body });
}

export function chatLine(id: string, content = 'hello there', more: object = {}): string {
  return lineOf(id, { model: 'test/echo', messages: [{ role: 'user', content }], ...more });
}

/** As many as that of the model that takes its time, from `line 0` on. */
export function slowLines(count: number, tokens = 30): string[] {
  return Array.from({ length: count }, (_, at) =>
    chatLine(`line ${at}`, 'x', { model: 'test/ten-ms', max_tokens: tokens }),
  );
}

export type BatchWishes = Partial<OpenAI.BatchCreateParams> & { webhook?: { url: string; secret: string } };

export async function makeBatch(
  client: OpenAI,
  lines: readonly string[] | Uint8Array,
  { endpoint = CHATS, ...more }: BatchWishes = {},
): Promise<Batch> {
  const bytes = lines instanceof Uint8Array ? lines : Buffer.from(lines.join('\n'));
  const file = await client.files.create({ file: await toFile(bytes, 'in.jsonl'), purpose: 'batch' });
  return client.batches.create({ input_file_id: file.id, endpoint, completion_window: '24h', ...more });
}

/** The batch once it is so. */
export async function batchOnce(
  client: OpenAI,
  id: string,
  isSo: (batch: Batch) => boolean,
  withinMs = 30_000,
): Promise<Batch> {
  let batch = await client.batches.retrieve(id);
  await until(async () => {
    batch = await client.batches.retrieve(id);
    return isSo(batch);
  }, withinMs);
  return batch;
}

export function endOfBatch(client: OpenAI, id: string, withinMs = 60_000): Promise<Batch> {
  return batchOnce(client, id, ({ status }) => ENDS.includes(status), withinMs);
}

export async function rowsIn(client: OpenAI, fileId: string | null | undefined): Promise<BatchRow[]> {
  if (fileId == null) return [];
  const text = await (await client.files.content(fileId)).text();
  return text
    .trim()
    .split('\n')
    .map((row) => JSON.parse(row) as BatchRow);
}

/** The rows of both files. */
export async function rowsOf(client: OpenAI, batch: Batch): Promise<{ done: BatchRow[]; not: BatchRow[] }> {
  return { done: await rowsIn(client, batch.output_file_id), not: await rowsIn(client, batch.error_file_id) };
}

/** The body that a row says its route answered with; that of an error unless told. */
export function bodyOf<Body = { error: { code: string; param: string | null } }>({ response }: BatchRow): Body {
  if (response === null) throw new Error('nobody has answered this line');
  return response.body as Body;
}

export const idsOf = (rows: readonly BatchRow[]): string[] => rows.map((row) => row.custom_id);
