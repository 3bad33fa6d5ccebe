import { open } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import {
  BATCH_ENDPOINTS,
  type Batch,
  type BatchEndpoint,
  type BatchPage,
  type OwnedBatchPage,
} from '../../../shared/api/batches.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { getJson, postJson } from '../client/get-json.ts';
import { lookUntil } from '../client/look-until.ts';
import { printFile, sendFile } from '../client/send-file.ts';
import { clientCommand, type JsonOption, print } from '../options/answering-command.ts';
import { readClient, readEither } from '../options/client-options.ts';
import { anyKeyOption, everyKeyOption, parseCount } from '../options/options.ts';
import { batchesTable, batchText, type ListedBatch } from '../terminal/batch-views.ts';
import { sayWaits, suggest } from '../terminal/next-step.ts';

type AnyKeyOptions = JsonOption & { anyKey?: boolean };
type SubmitOptions = JsonOption & { endpoint?: BatchEndpoint; wait?: boolean };

const PAGE = 100;
const LIVE: readonly Batch['status'][] = ['validating', 'in_progress', 'finalizing', 'cancelling'];
/** How long a batch that is waited for is left alone between two looks. */
const LOOK_EVERY_MS = 2_000;
/** The first line of a file says where it is for; a larger one does so by its option. */
const FIRST_BYTES = 4 * 1024 * 1024;

/** `sparewatt batches …`: files of requests that are answered within a day. */
export function defineBatchesCommand(batches: Command): void {
  addSubmit(batches);
  clientCommand(batches, 'list', 'your batches, newest first', ['api_key', 'admin_token'])
    .addOption(new Option('--limit <count>', 'how many').argParser(parseCount).default(20))
    .addOption(everyKeyOption())
    .action(async ({ limit, all, ...options }: JsonOption & { limit: number; all?: boolean }) => {
      const { relayUrl, key } = await readEither(options, all === true);
      const data = await listBatches(limit, all === true ? everyPage : ownPage, relayUrl, key);
      print(options, data, batchesTable(data, Date.now()));
    });
  clientCommand(batches, 'show', 'a batch, how far it is, and where its answers are', ['api_key', 'admin_token'])
    .argument('<batch-id>')
    .addOption(anyKeyOption())
    .action(async (id: string, { anyKey, ...options }: AnyKeyOptions) => {
      const { relayUrl, key } = await readEither(options, anyKey === true);
      show(await getJson<Batch>(relayUrl, pathOf(id), key), options, anyKey);
    });
  clientCommand(batches, 'cancel', 'end what of a batch has not ended; what was answered is kept', [
    'api_key',
    'admin_token',
  ])
    .argument('<batch-id>')
    .addOption(anyKeyOption())
    .action(async (id: string, { anyKey, ...options }: AnyKeyOptions) => {
      const { relayUrl, key } = await readEither(options, anyKey === true);
      const batch = await postJson<Batch>(relayUrl, `${pathOf(id)}/cancel`, key, undefined);
      print(options, batch, `${id} is ${batch.status}.\n`);
      // The answers are its client's.
      if (anyKey === true) suggest(options, 'All batches:', 'batches list --all');
      else suggest(options, 'What was answered:', `batches result ${id}`);
    });
  addResult(batches);
}

function addSubmit(batches: Command): void {
  clientCommand(batches, 'submit', 'have the requests of a file answered within a day; prints the id of the batch')
    .argument('<file>', 'a request on each line: {"custom_id": …, "method": "POST", "url": …, "body": …}')
    .addOption(
      new Option('--endpoint <path>', 'where every line is for (default: the url of the first)').choices(
        BATCH_ENDPOINTS,
      ),
    )
    .addOption(new Option('--wait', 'wait until it has ended'))
    .action(async (file: string, { endpoint: wanted, wait, ...options }: SubmitOptions) => {
      const { relayUrl, apiKey } = await readClient(options);
      const endpoint = wanted ?? (await endpointOf(file));
      const { id: input_file_id } = await sendFile(relayUrl, apiKey, file, 'batch');
      const body = { input_file_id, endpoint, completion_window: '24h' };
      const batch = await postJson<Batch>(relayUrl, '/v1/batches', apiKey, body);
      if (wait !== true) print(options, batch, `${batch.id}\n`);
      // Said before the wait, too: it may be cut short, and the batch goes on.
      suggest(options, 'What becomes of it:', `batches show ${batch.id}`);
      if (wait === true) show(await whenEnded(batch, relayUrl, apiKey), options);
    });
}

function addResult(batches: Command): void {
  clientCommand(batches, 'result', 'print the answers of a batch, a line of JSON for each request')
    .argument('<batch-id>')
    .addOption(new Option('--errors', 'print what was not answered, and why, instead'))
    .action(async (id: string, { errors, ...options }: JsonOption & { errors?: boolean }) => {
      const { relayUrl, apiKey } = await readClient(options);
      const batch = await getJson<Batch>(relayUrl, pathOf(id), apiKey);
      if (LIVE.includes(batch.status)) {
        throw new Problem('job_unfinished', `${id} is ${batch.status}. Its answers are there once it has ended.`);
      }
      const file = errors === true ? batch.error_file_id : batch.output_file_id;
      if (file !== null) await printFile(relayUrl, apiKey, file);
      const other = errors === true ? batch.output_file_id : batch.error_file_id;
      if (errors !== true && other !== null) suggest(options, 'Not answered:', `batches result ${id} --errors`);
    });
}

/** Prints a batch. Scripts look at the exit code. */
function show(batch: Batch, options: JsonOption, isAnothers = false): void {
  print(options, batch, batchText(batch));
  if (LIVE.includes(batch.status)) return;
  if (batch.status !== 'completed') process.exitCode = 1;
  if (batch.output_file_id !== null && !isAnothers) suggest(options, 'Its answers:', `batches result ${batch.id}`);
}

function whenEnded({ id }: Batch, relayUrl: string, apiKey: string): Promise<Batch> {
  const look = (): Promise<Batch> => getJson(relayUrl, pathOf(id), apiKey);
  return lookUntil(look, ({ status }) => !LIVE.includes(status), { everyMs: LOOK_EVERY_MS, onAway: sayWaits });
}

/** A page of batches, by what is asked of it, and what to ask for the next one; null where there is none. */
type ReadPage = (
  relayUrl: string,
  key: string,
  query: URLSearchParams,
) => Promise<[data: ListedBatch[], next: string | null]>;

const ownPage: ReadPage = async (relayUrl, key, query) => {
  const page: BatchPage = await getJson(relayUrl, `/v1/batches?${query}`, key);
  return [page.data, page.has_more ? page.last_id : null];
};

const everyPage: ReadPage = async (relayUrl, key, query) => {
  const page: OwnedBatchPage = await getJson(relayUrl, `/v1/admin/batches?${query}`, key);
  return [page.data, page.next];
};

async function listBatches(limit: number, read: ReadPage, relayUrl: string, key: string): Promise<ListedBatch[]> {
  const batches: ListedBatch[] = [];
  for (let after: string | null = ''; after !== null && batches.length < limit; ) {
    const query = new URLSearchParams({ limit: String(Math.min(PAGE, limit - batches.length)) });
    if (after !== '') query.set('after', after);
    const [data, next] = await read(relayUrl, key, query);
    batches.push(...data);
    after = next;
  }
  return batches;
}

/** Errors: `invalid_option` for a file that does not say it. */
async function endpointOf(path: string): Promise<BatchEndpoint> {
  const handle = await open(path).catch((error: Error) => {
    throw new Problem('invalid_option', `${path} cannot be read: ${error.message}.`);
  });
  try {
    const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(FIRST_BYTES) });
    const text = buffer.subarray(0, bytesRead).toString('utf8').trim();
    const { url } = JSON.parse(text.split('\n', 1)[0] ?? '') as { url?: unknown };
    const endpoint = BATCH_ENDPOINTS.find((known) => known === url);
    if (endpoint !== undefined) return endpoint;
  } catch {
    // Said below.
  } finally {
    await handle.close();
  }
  const sentence = `The first line of ${path} names no url of ${BATCH_ENDPOINTS.join(', ')}. Say which with --endpoint.`;
  throw new Problem('invalid_option', sentence);
}

function pathOf(id: string): string {
  return `/v1/batches/${encodeURIComponent(id)}`;
}
