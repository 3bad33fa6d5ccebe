/** What an answer costs that its client breaks off: SPEC J17. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { CreditStanding } from '../../shared/api/credits.ts';
import type { Job } from '../../shared/api/jobs.ts';
import type { CreatedKey } from '../../shared/api/keys.ts';
import { makeKey } from '../support/keys.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { ask } from '../support/pool-admin.ts';
import { createScriptedRuntime, type Script, untilCancelled } from '../support/runtimes/scripted-runtime.ts';
import { until } from '../support/until.ts';

const PRICE = { per_million_input_tokens_micro: 1_000_000, per_million_output_tokens_micro: 2_000_000, fee_percent: 0 };
/** Forty words, and as many tokens for who counts so. */
const PROMPT = Array.from({ length: 40 }, (_, at) => `word${at}`).join(' ');
const MOST_BELIEVED = 2_000;

/** Says two pieces, of which each may tell of the prompt, and then nothing more. */
const saying =
  (first?: number, second?: number): Script =>
  async (_job, output, signal) => {
    for (const inputTokens of [first, second]) {
      output.text('a ', 1, inputTokens === undefined ? {} : { inputTokens });
    }
    return untilCancelled(signal);
  };

let pool: Pool;
before(async () => {
  pool = await startPool();
  const runtime = createScriptedRuntime({
    'test/telling': saying(40),
    'test/telling-twice': saying(40, 900),
    'test/boasting': saying(1_000_000_000),
    'test/older': saying(),
  });
  await pool.addNode({ runtime });
  const headers = { authorization: `Bearer ${pool.relay.adminToken}`, 'content-type': 'application/json' };
  await pool.request('/v1/admin/prices/*', { method: 'PUT', headers, body: JSON.stringify(PRICE) });
});
after(() => pool.close());

/** Reads the beginning of an answer and leaves; the job, and what the key has paid. */
async function breakOff(model: string): Promise<{ usage: Job['usage']; paid: number; left: number | null }> {
  const key: CreatedKey = await makeKey(pool, { credit_limit_micro: 1_000_000, tokens_per_minute: 60 });
  const messages = [{ role: 'user' as const, content: PROMPT }];
  let id = '';
  let text = '';
  for await (const chunk of await pool
    .client({ apiKey: key.key })
    .chat.completions.create({ model, messages, stream: true })) {
    id = chunk.id.replace('chatcmpl-', '');
    text += chunk.choices[0]?.delta.content ?? '';
    if (text === 'a a ') break;
  }
  let job: Job | undefined;
  await until(async () => {
    job = (await ask<Job>(pool, `/v1/jobs/${id}`, undefined, key.key)).body;
    return job.state === 'cancelled' && job.finishedAt !== null;
  });
  let credits: CreditStanding | undefined;
  await until(async () => {
    credits = (await ask<CreditStanding>(pool, '/v1/credits', undefined, key.key)).body;
    return credits.held_micro === 0;
  });
  const { standing } = (await ask<CreatedKey>(pool, `/v1/admin/keys/${key.id}`, undefined, pool.relay.adminToken)).body;
  return { usage: job?.usage ?? null, paid: -(credits?.balance_micro ?? 0), left: standing.tokens_left };
}

test('[J17] an answer that its client breaks off costs its prompt and what was passed on, and counts for the minute', async () => {
  for (const model of ['test/telling', 'test/telling-twice']) {
    const { usage, paid, left } = await breakOff(model);
    assert.deepEqual([usage, paid], [{ inputTokens: 40, outputTokens: 2 }, 44]);
    // It fills by one in a second.
    assert.ok(left !== null && left < 57, `${left}`);
  }
});

test('[J17] a prompt that cannot be as long as its node says is not believed, and one that is not told costs nothing', async () => {
  const boasted = await breakOff('test/boasting');
  const { inputTokens = 0 } = boasted.usage ?? {};
  assert.ok(inputTokens > 40 && inputTokens < MOST_BELIEVED, `${inputTokens}`);
  assert.equal(boasted.paid, inputTokens + 4);
  assert.deepEqual(await breakOff('test/older').then(({ usage, paid }) => [usage, paid]), [
    { inputTokens: 0, outputTokens: 2 },
    4,
  ]);
});
