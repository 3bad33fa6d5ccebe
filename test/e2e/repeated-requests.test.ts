import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chatLine } from '../support/batches.ts';
import { startMortalRelay } from '../support/mortal-relay.ts';
import type { JobClient } from '../support/queued-jobs.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { until } from '../support/until.ts';

type Made = { id: string; key?: string };

/** Sends a request with its key until it is answered, as a good client does; then once more, since an answer may be lost, too. */
async function makePatiently(client: JobClient, path: string, mark: string, body: object): Promise<Made> {
  const init = {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': mark },
    body: JSON.stringify(body),
  };
  const answers: Made[] = [];
  await until(async () => {
    try {
      const response = await client.request(path, init);
      const made = (await response.json()) as Made;
      if (response.ok) answers.push(made);
      else assert.ok([409, 503].includes(response.status), JSON.stringify(made));
    } catch (error) {
      // The relay is gone; the next try meets the one after it.
      if (error instanceof assert.AssertionError) throw error;
    }
    return answers.length === 2;
  }, 60_000);
  assert.deepEqual([answers[0]?.id, answers[0]?.key], [answers[1]?.id, answers[1]?.key]);
  return answers[0] as Made;
}

async function idsOf(client: JobClient, path: string): Promise<string[]> {
  const { data } = (await (await client.request(path)).json()) as { data: { id: string; name?: string }[] };
  return data.filter(({ name }) => name !== 'first key').map(({ id }) => id);
}

test('[X14] whatever is asked for with a key is made once, at whatever moments the relay is killed', async (t) => {
  const { client, operator, kill } = await startMortalRelay(t);
  const random = seededRandom(11);
  const form = new FormData();
  form.set('purpose', 'batch');
  form.set('file', new Blob([chatLine('a')]), 'in.jsonl');
  const input = (await (await client.request('/v1/files', { method: 'POST', body: form })).json()) as Made;
  const batch = { input_file_id: input.id, endpoint: '/v1/chat/completions', completion_window: '24h' };
  const [batches, keys, files]: Promise<Made>[][] = [[], [], []];
  for (let round = 0; round < 3; round++) {
    for (let at = 0; at < 8; at++) {
      const mark = `${round} ${at}`.replace(' ', '-');
      batches?.push(makePatiently(client, '/v1/batches', `batch-${mark}`, batch));
      keys?.push(makePatiently(operator, '/v1/admin/keys', `key-${mark}`, { name: mark }));
      files?.push(makePatiently(client, '/v1/files?purpose=user_data', `file-${mark}`, { mark }));
    }
    // The moment is what is random here; nothing waits for it to be right.
    await new Promise((resolve) => setTimeout(resolve, random() * 100));
    await kill();
  }
  for (const [asker, path, made] of [
    [client, '/v1/batches?limit=100', batches],
    [operator, '/v1/admin/keys', keys],
    [client, '/v1/files?purpose=user_data', files],
  ] as const) {
    const told = (await Promise.all(made ?? [])).map(({ id }) => id);
    assert.deepEqual((await idsOf(asker, path)).sort(), told.sort(), path);
    assert.equal(new Set(told).size, 24);
  }
});
