import { type Command, Option } from 'commander';
import type { FileDeleted, FileObject, FilePage } from '../../../shared/api/files.ts';
import { deleteJson, getJson } from '../client/get-json.ts';
import { printFile, sendFile } from '../client/send-file.ts';
import { clientCommand, type JsonOption, print } from '../options/answering-command.ts';
import { readClient } from '../options/client-options.ts';
import { parseCount } from '../options/options.ts';
import { ageText } from '../terminal/job-views.ts';
import { suggest } from '../terminal/next-step.ts';
import { tableOf } from '../terminal/tables.ts';

type ListOptions = JsonOption & { limit: number; purpose?: string };

const PAGE = 1_000;
const USUAL_PURPOSE = 'user_data';

/** `sparewatt files …`: what an API key keeps at the relay, for its jobs and batches and from them. */
export function defineFilesCommand(files: Command): void {
  clientCommand(files, 'list', 'your files, newest first')
    .addOption(new Option('--limit <count>', 'how many').argParser(parseCount).default(20))
    .addOption(new Option('--purpose <name>', 'only those, such as batch, batch_output or job_output'))
    .action(async (options: ListOptions) => {
      const data = await listFiles(options);
      print(options, data, filesTable(data, Date.now()));
    });
  clientCommand(files, 'upload', 'keep a file at the relay, for jobs that name it; prints its id')
    .argument('<file>')
    .addOption(new Option('--purpose <name>', 'what it is for, such as batch').default(USUAL_PURPOSE))
    .action(async (path: string, { purpose, ...options }: JsonOption & { purpose: string }) => {
      const { relayUrl, apiKey } = await readClient(options);
      const file = await sendFile(relayUrl, apiKey, path, purpose);
      print(options, file, `${file.id}\n`);
      suggest(options, 'Your files:', 'files list');
    });
  clientCommand(files, 'content', 'print what is in a file')
    .argument('<file-id>')
    .action(async (id: string, options: JsonOption) => {
      const { relayUrl, apiKey } = await readClient(options);
      await printFile(relayUrl, apiKey, id);
    });
  clientCommand(files, 'delete', 'delete a file, which makes room for others')
    .argument('<file-id>')
    .action(async (id: string, options: JsonOption) => {
      const { relayUrl, apiKey } = await readClient(options);
      const deleted = await deleteJson<FileDeleted>(relayUrl, `/v1/files/${encodeURIComponent(id)}`, apiKey);
      print(options, deleted, `${id} is deleted.\n`);
    });
}

async function listFiles({ limit, purpose, ...options }: ListOptions): Promise<FileObject[]> {
  const { relayUrl, apiKey } = await readClient(options);
  const data: FileObject[] = [];
  for (let after: string | null = ''; after !== null && data.length < limit; ) {
    const query = new URLSearchParams({ limit: String(Math.min(PAGE, limit - data.length)) });
    if (after !== '') query.set('after', after);
    if (purpose !== undefined) query.set('purpose', purpose);
    const page: FilePage = await getJson(relayUrl, `/v1/files?${query}`, apiKey);
    data.push(...page.data);
    after = page.next;
  }
  return data;
}

function filesTable(files: readonly FileObject[], now: number): string {
  if (files.length === 0) return 'There are no files.\n';
  const rows = files.map(({ id, bytes, purpose, created_at, expires_at, filename }) => [
    id,
    String(bytes),
    purpose,
    ageText(now - created_at * 1_000),
    ageText(expires_at * 1_000 - now),
    filename,
  ]);
  return tableOf(['FILE', 'BYTES', 'PURPOSE', 'AGE', 'KEPT FOR', 'NAME'], rows);
}
