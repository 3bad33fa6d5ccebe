import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { CreatedKey } from '../../shared/api/keys.ts';
import { runSparewatt } from '../support/command.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { ask } from '../support/pool-admin.ts';
import { until } from '../support/until.ts';

describe('sparewatt credits', () => {
  let pool: Pool;
  const run = (...args: string[]) =>
    runSparewatt([...args, '--relay', pool.relay.url], { env: { SPAREWATT_ADMIN_TOKEN: pool.relay.adminToken } });
  before(async () => {
    pool = await startPool();
    await pool.addNode();
  });
  after(() => pool.close());

  it('prices a service, fills a key, shows who has what, and pays the nodes in a file that can be verified', async () => {
    assert.equal((await run('credits', 'prices')).stdout, 'Everything is free: no service has a price.\n');
    const priced = await run('credits', 'price', 'llm/inference', '--job', '0.5', '--fee', '20');
    assert.match(
      priced.stdout,
      /^From the next job on llm\/inference costs, in credits:\nJOB +SECOND +M INPUT +M OUTPUT +FEE +SERVICE\n0\.5 +0 +0 +0 +20 % +llm\/inference\n$/,
    );
    const made = JSON.parse(
      (await run('keys', 'create', 'shop', '--credit-limit', '0', '--json')).stdout,
    ) as CreatedKey;
    const chat = { model: 'test/noop', messages: [{ role: 'user', content: 'x' }] };
    assert.equal((await ask(pool, '/v1/chat/completions', chat, made.key)).status, 402);
    const grant = ['credits', 'grant', made.id, '2.25', '--reference', 'payment-1'];
    assert.equal((await run(...grant)).stdout, `${made.id} was given 2.25 credits (entry 1).\n`);
    assert.equal((await run(...grant)).stdout, `${made.id} was given 2.25 credits (entry 1).\n`);
    assert.equal((await ask(pool, '/v1/chat/completions', chat, made.key)).status, 200);
    await until(async () => (await run('credits', 'balances')).stdout.includes(`1.75     key:${made.id}`));
    const balances = (await run('credits', 'balances')).stdout;
    assert.match(balances, /^CREDITS +ACCOUNT\n-2\.25 +issued\n1\.75 +key:\S+\n0\.4 +node:\S+\n0\.1 +relay\n$/);
    assert.match((await run('credits', 'entries', '--limit', '1')).stdout, /fee +0\.1 +relay +key:\S+\n$/);
    const file = join(pool.dataFolder, 'settlement.json');
    writeFileSync(file, (await run('credits', 'settle')).stdout);
    assert.match((await runSparewatt(['credits', 'verify', file])).stdout, /^0\.4 credits to 1 nodes, signed by N/);
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll('400000', '500000'));
    const forged = await runSparewatt(['credits', 'verify', file]);
    assert.equal(forged.code, 1);
    assert.match(forged.stderr, /does not hold: its lines are not those of its root/);
    assert.match((await run('credits', 'settlements')).stdout, /^CLOSED.*\n.* 0\.4 +1 +stl_\w+\n$/);
    assert.equal((await run('credits', 'grant', made.id, '1.2345678', '--reference', 'x')).code, 2);
  });
});
