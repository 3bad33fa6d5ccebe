import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { newId } from '../../relay/jobs/id.ts';
import { SHELF_FILE } from '../../relay/jobs/record-shelf.ts';
import type { EntryList } from '../../shared/api/credits.ts';
import type { ApiKey } from '../../shared/api/keys.ts';
import { finishedJob } from '../relay/store/store-records.ts';
import { changeKey, makeKey } from '../support/keys.ts';
import { startTestPool } from '../support/pool.ts';
import { askAsAdmin } from '../support/pool-admin.ts';
import { until } from '../support/until.ts';

test('what a job has cost whose record an earlier relay could not write is spent from the start, and once', async (t) => {
  const first = await startTestPool(t);
  const { dataFolder } = first;
  const key = await makeKey(first, { credit_limit_micro: 1_000, budget_micro: 500, budget_duration: '1000mo' });
  await first.relay.close();
  const [payer, at] = [`key:${key.id}`, Date.now()];
  const charge = { payer, node: 'node:desk', nodeMicro: 90, feeMicro: 10, reference: 'rcpt_late' };
  const times = { createdAt: at, startedAt: at, finishedAt: at };
  const record = finishedJob(newId('job', at), { apiKeyId: key.id, ...times, receipt: null, charge });
  const shelf = join(dataFolder, SHELF_FILE);
  // The file of one whose record is in the database already may be left over.
  for (const _ of ['not written yet', 'written']) {
    writeFileSync(shelf, JSON.stringify([{ record, node: 'desk' }]));
    const next = await startTestPool(t, { dataFolder });
    const spent = async () => {
      const { standing } = (await askAsAdmin<ApiKey>(next, `/v1/admin/keys/${key.id}`)).body;
      return [standing.budget_spent_micro, standing.budget_left_micro, standing.credits_left_micro];
    };
    assert.deepEqual(await spent(), [100, 400, 900]);
    await until(() => !existsSync(shelf));
    const { data } = (await askAsAdmin<EntryList>(next, `/v1/admin/credits/entries?account=${payer}`)).body;
    assert.deepEqual(
      data.map((entry) => entry.amount_micro).sort((a, b) => a - b),
      [10, 90],
    );
    // The ledger is read anew.
    for (const budget_duration of ['2000mo', '1000mo']) await changeKey(next, key.id, { budget_duration });
    assert.deepEqual(await spent(), [100, 400, 900]);
    await next.relay.close();
  }
});
