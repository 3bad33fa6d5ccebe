import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI, { toFile } from 'openai';
import { afterTest } from '../support/after-test.ts';
import { sparewatt } from '../support/command.ts';
import { freePort } from '../support/free-port.ts';
import { startTellingNode } from '../support/telling-node-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

test('a batch is answered once for each line though the relay is killed in the middle; another is cancelled', async (t) => {
  const port = String(await freePort());
  const place = ['--host', '127.0.0.1', '--port', port, '--no-announce', '--data', temporaryFolder(t)];
  const start = () => sparewatt(['relay', ...place, '--ready-json', '--log-level', 'silent']);
  let relay = start();
  const ready = JSON.parse(await relay.firstLine()) as { url: string; apiKey: string };
  afterTest(t, async () => {
    relay.child.kill('SIGTERM');
    await relay.exit;
  });
  const node = await startTellingNode({ relayUrl: ready.url, slots: 4 });
  afterTest(t, node.kill);
  const client = new OpenAI({ baseURL: `${ready.url}/v1`, apiKey: ready.apiKey });
  const make = async (count: number) => {
    const body = { model: 'test/ten-ms', messages: [{ role: 'user', content: 'x' }], max_tokens: 30 };
    const lines = Array.from({ length: count }, (_, at) =>
      JSON.stringify({ custom_id: `line ${at}`, method: 'POST', url: '/v1/chat/completions', body }),
    );
    const file = await client.files.create({
      file: await toFile(Buffer.from(lines.join('\n')), 'a.jsonl'),
      purpose: 'batch',
    });
    return client.batches.create({
      input_file_id: file.id,
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
    });
  };
  const endOf = async (id: string) => {
    let batch = await client.batches.retrieve(id);
    await until(async () => {
      batch = await client.batches.retrieve(id);
      return ['completed', 'cancelled', 'failed', 'expired'].includes(batch.status);
    }, 60_000);
    return batch;
  };
  const idsIn = async (fileId: string | null | undefined): Promise<string[]> => {
    if (fileId == null) return [];
    const text = await (await client.files.content(fileId)).text();
    return text
      .trim()
      .split('\n')
      .map((row) => JSON.parse(row).custom_id as string);
  };
  const expected = Array.from({ length: 40 }, (_, at) => `line ${at}`).sort();
  const { id } = await make(40);
  await until(async () => ((await client.batches.retrieve(id)).request_counts?.completed ?? 0) > 4, 30_000);
  relay.child.kill('SIGKILL');
  await relay.exit;
  relay = start();
  await relay.firstLine();
  const batch = await endOf(id);
  assert.equal(batch.status, 'completed', JSON.stringify(batch));
  assert.deepEqual((await idsIn(batch.output_file_id)).sort(), expected);
  const second = await make(40);
  await until(async () => ((await client.batches.retrieve(second.id)).request_counts?.completed ?? 0) > 4, 30_000);
  assert.equal((await client.batches.cancel(second.id)).status, 'cancelling');
  const cancelled = await endOf(second.id);
  assert.equal(cancelled.status, 'cancelled');
  const [done, not] = [await idsIn(cancelled.output_file_id), await idsIn(cancelled.error_file_id)];
  assert.ok(done.length > 4 && not.length > 0);
  assert.deepEqual([...done, ...not].sort(), expected);
});
