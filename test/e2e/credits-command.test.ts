import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { CreatedKey } from '../../shared/api/keys.ts';
import { afterTest } from '../support/after-test.ts';
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
      /^From the next job on llm\/inference costs, in credits:\nA JOB +A SECOND +1M TOKENS READ +1M WRITTEN +FEE +SERVICE\n0\.5 +0 +0 +0 +20 % +llm\/inference\n$/,
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
    assert.match(
      balances,
      /^CREDITS +ACCOUNT +WHOSE\n-2\.25 +issued +given to keys\n1\.75 +key:\S+ +shop\n0\.4 +node:\S+\n0\.1 +relay +your fees\n$/,
    );
    assert.match((await run('credits', 'entries', '--limit', '1')).stdout, /fee +0\.1 +relay +key:\S+\n$/);
    const own = await runSparewatt(['usage', '--by', 'model', '--relay', pool.relay.url, '--api-key', made.key]);
    assert.match(
      own.stdout,
      /^MODEL +JOBS +FAILED +TOKENS READ +WRITTEN\ntest\/noop +1 +0 +\d+ +\d+\nCredits left: 1\.75\n$/,
    );
    const everybody = (await run('usage', '--all', '--by', 'key,node')).stdout;
    assert.match(everybody, /^KEY +NAME +NODE +JOBS +FAILED +TOKENS READ +WRITTEN\n/);
    assert.match(everybody, new RegExp(`^${made.id} +shop +\\S+ +1 +0 +`, 'm'));
    assert.match(
      (await run('usage', '--all', '--from', '2020-01-01', '--to', '2020-01-02')).stdout,
      /^Nothing was used/,
    );
    const wrong = await run('usage', '--all', '--by', 'colour');
    assert.deepEqual([wrong.code, /\(invalid_value\)/.test(wrong.stderr)], [1, true]);
    const file = join(pool.dataFolder, 'settlement.json');
    const settled = await run('credits', 'settle');
    assert.match(settled.stderr, /^Check what was saved of it: {2}.*sparewatt credits verify FILE\n$/);
    writeFileSync(file, settled.stdout);
    assert.match((await runSparewatt(['credits', 'verify', file])).stdout, /^0\.4 credits to 1 node, signed by N/);
    const { id } = JSON.parse(readFileSync(file, 'utf8')) as { id: string };
    const held = JSON.parse((await runSparewatt(['credits', 'verify', file, '--json'])).stdout) as { relayKey: string };
    assert.deepEqual({ ...held, relayKey: held.relayKey[0] }, { id, relayKey: 'N', totalMicro: 400_000, nodes: 1 });
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll('400000', '500000'));
    const forged = await runSparewatt(['credits', 'verify', file]);
    assert.equal(forged.code, 1);
    assert.match(forged.stderr, /does not hold: its lines are not those of its root/);
    assert.match((await run('credits', 'settlements')).stdout, /^CLOSED.*\n.* 0\.4 +1 +stl_\w+\n$/);
    assert.equal((await run('credits', 'grant', made.id, '1.2345678', '--reference', 'x')).code, 2);
    const missing = await runSparewatt(['credits', 'verify', join(pool.dataFolder, 'nothing.json')]);
    assert.equal(missing.code, 2);
    assert.match(missing.stderr, /nothing\.json cannot be read\. Give the file that it was saved to/);
  });

  it('shows as many entries of the ledger as are asked for, also where the relay tells them in several pages', async (t) => {
    const entry = { at: 0, kind: 'grant', from: 'issued', to: 'relay', amount_micro: 1, reference: 'x' };
    const asked: string[] = [];
    const relay = createServer((request, response) => {
      const query = new URL(request.url ?? '', 'http://relay').searchParams;
      asked.push(`${query}`);
      const first = Number(query.get('before') ?? 2_001) - 1;
      const data = Array.from({ length: Number(query.get('limit')) }, (_, at) => ({ ...entry, seq: first - at }));
      response.end(JSON.stringify({ data, next: data.at(-1)?.seq }));
    }).listen(0, '127.0.0.1');
    afterTest(t, () => new Promise((done) => relay.close(done)));
    await once(relay, 'listening');
    const url = `http://127.0.0.1:${(relay.address() as AddressInfo).port}`;
    const flags = ['--limit', '1500', '--account', 'relay', '--json', '--relay', url, '--admin-token', 'x'];
    const { stdout } = await runSparewatt(['credits', 'entries', ...flags]);
    const seqs = (JSON.parse(stdout) as { seq: number }[]).map(({ seq }) => seq);
    assert.deepEqual([seqs.length, seqs[0], seqs.at(-1)], [1_500, 2_000, 501]);
    assert.deepEqual(asked, ['limit=1000&account=relay', 'limit=500&before=1001&account=relay']);
  });
});
