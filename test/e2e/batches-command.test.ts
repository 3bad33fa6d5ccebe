import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Batch } from '../../shared/api/batches.ts';
import type { CreatedKey } from '../../shared/api/keys.ts';
import { type BatchRow, chatLine, idsOf, lineOf } from '../support/batches.ts';
import { runSparewatt, sparewatt } from '../support/command.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { askAsAdmin, makeKey } from '../support/pool-admin.ts';
import { sharedFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

describe('sparewatt batches', () => {
  let pool: Pool;
  const folder = sharedFolder();
  before(async () => {
    pool = await startPool();
    await pool.addNode();
  });
  after(() => pool.close());

  const batches = (args: string[], key = pool.relay.apiKey) =>
    runSparewatt(['batches', ...args, '--relay', pool.relay.url, '--data', folder], {
      env: { SPAREWATT_API_KEY: key },
    });
  const fileOf = (name: string, lines: readonly string[]): string => {
    const file = join(folder, name);
    writeFileSync(file, lines.join('\n'));
    return file;
  };
  const rowsOf = (text: string): BatchRow[] =>
    text
      .trim()
      .split('\n')
      .map((row) => JSON.parse(row) as BatchRow);

  it('submits a file, waits for its end and prints the answers, and apart from them what was not answered', async () => {
    const bad = lineOf('bad', { model: 'test/none', messages: [{ role: 'user', content: 'x' }] });
    const done = await batches(['submit', fileOf('in.jsonl', [chatLine('a'), bad, chatLine('b')]), '--wait']);
    assert.equal(done.code, 0, done.stderr);
    assert.match(
      done.stdout,
      /^batch_\w+ {2}completed\n {2}endpoint {2}\/v1\/chat\/completions\n {2}lines {5}2\/3, 1 failed\n {2}tokens {4}4 read, 4 written\n/,
    );
    const id = done.stdout.split(' ')[0] ?? '';
    assert.match(done.stderr, new RegExp(`^What becomes of it: .* batches show ${id}`), 'also to who stops waiting');
    const answers = await batches(['result', id]);
    assert.deepEqual([idsOf(rowsOf(answers.stdout)), answers.code], [['a', 'b'], 0]);
    assert.deepEqual(idsOf(rowsOf((await batches(['result', id, '--errors'])).stdout)), ['bad']);
    const { stdout, stderr } = await batches(['list', '--json']);
    assert.equal(stderr, '');
    assert.deepEqual(
      (JSON.parse(stdout) as Batch[]).map((batch) => batch.id),
      [id],
    );
    assert.match((await batches(['list'])).stdout, new RegExp(`${id} +completed +2/3, 1 failed +\\d+ s +/v1/chat`));
  });

  it('cancels a batch, whose answers are there only once it has ended', async () => {
    const slow = fileOf('slow.jsonl', [chatLine('a', 'x', { model: 'test/stuck' })]);
    const { stdout } = await batches(['submit', slow, '--json']);
    const { id } = JSON.parse(stdout) as Batch;
    const early = await batches(['result', id]);
    assert.deepEqual([early.code, early.stdout], [1, '']);
    assert.match(early.stderr, /once it has ended.*job_unfinished/);
    assert.match((await batches(['cancel', id])).stdout, new RegExp(`^${id} is cancell`));
    await until(
      async () => (JSON.parse((await batches(['show', id, '--json'])).stdout) as Batch).status === 'cancelled',
    );
    assert.equal((await batches(['show', id])).code, 1);
    assert.equal((await batches(['result', id])).stdout, '');
    assert.equal(rowsOf((await batches(['result', id, '--errors'])).stdout)[0]?.error?.code, 'batch_cancelled');
  });

  it('lets the operator list, see and end the batches of every key, and nobody else', async () => {
    const file = fileOf('theirs.jsonl', [chatLine('a', 'x', { model: 'test/stuck' })]);
    const { body: other } = await askAsAdmin<CreatedKey>(pool, '/v1/admin/keys', { name: 'other' });
    const { id } = JSON.parse((await batches(['submit', file, '--json'], other.key)).stdout) as Batch;
    assert.equal((await batches(['cancel', id])).code, 1);
    const operator = (args: string[]) =>
      runSparewatt(['batches', ...args, '--relay', pool.relay.url, '--data', folder], {
        env: { SPAREWATT_ADMIN_TOKEN: pool.relay.adminToken },
      });
    const listed = (await operator(['list', '--all'])).stdout;
    assert.match(listed, new RegExp(`^BATCH .* KEY\n(.*\n)*${id} .* ${other.id}\n`));
    assert.match((await operator(['show', id, '--any-key'])).stdout, new RegExp(`^${id} +(validating|in_progress)`));
    const ended = await operator(['cancel', id, '--any-key']);
    assert.deepEqual([ended.code, ended.stdout.split(' is ')[0]], [0, id], ended.stderr);
    await until(
      async () =>
        (JSON.parse((await operator(['show', id, '--any-key', '--json'])).stdout) as Batch).status === 'cancelled',
    );
    assert.doesNotMatch((await operator(['show', id, '--any-key'])).stderr, /batches result/, 'answers are not theirs');
  });

  it('ends well when its reader has seen enough', async () => {
    const lines = Array.from({ length: 300 }, (_, at) => chatLine(`${at}`, 'x', { model: 'test/noop' }));
    const { stdout } = await batches(['submit', fileOf('long.jsonl', lines), '--wait', '--json']);
    const { id } = JSON.parse(stdout) as Batch;
    const result = sparewatt(['batches', 'result', id, '--relay', pool.relay.url, '--data', folder], {
      env: { SPAREWATT_API_KEY: pool.relay.apiKey },
    });
    result.child.stdout?.destroy();
    assert.deepEqual([await result.exit, result.stderr()], [0, '']);
  });

  it('shows what is wrong with a file, line by line', async () => {
    const file = fileOf('wrong.jsonl', [chatLine('a'), '{', chatLine('a')]);
    const { stdout, code } = await batches(['submit', file, '--wait']);
    assert.equal(code, 1);
    assert.match(stdout, /reason {4}line 2: .*\(invalid_json_line\)\n {2}reason {4}line 3: .*\(duplicate_custom_id\)/);
  });

  it('uploads for a key whose requests must be signed', async () => {
    const made = await pool.request('/v1/admin/keys', {
      method: 'POST',
      headers: { authorization: `Bearer ${pool.relay.adminToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'signed', hmac: true }),
    });
    const { key, signing_secret: secret } = (await made.json()) as { key: string; signing_secret: string };
    const file = fileOf('signed.jsonl', [lineOf('a', { model: 'test/vectors', input: 'x' }, '/v1/embeddings')]);
    const args = ['batches', 'submit', file, '--wait', '--relay', pool.relay.url, '--data', folder];
    const env = { SPAREWATT_API_KEY: key, SPAREWATT_SIGNING_SECRET: secret };
    const { stdout, stderr, code } = await runSparewatt(args, { env });
    assert.equal(code, 0, stderr + stdout);
    assert.match(stdout, /endpoint {2}\/v1\/embeddings\n {2}model {5}test\/vectors\n {2}lines {5}1\/1/);
  });

  it('says what is wrong before anything is sent, and whose batch it is not', async () => {
    const missing = await batches(['submit', join(folder, 'none.jsonl')]);
    assert.deepEqual([missing.code, missing.stdout], [2, '']);
    assert.match(missing.stderr, /none\.jsonl cannot be read/);
    const unclear = await batches(['submit', fileOf('unclear.jsonl', ['{}'])]);
    assert.match(unclear.stderr, /--endpoint/);
    assert.equal((await batches(['submit', folder, '--endpoint', '/v1/embeddings'])).code, 2);
    const other = await makeKey(pool, { name: 'other' });
    const [{ id }] = JSON.parse((await batches(['list', '--json'])).stdout) as [Batch];
    for (const command of ['show', 'cancel', 'result']) {
      assert.match((await batches([command, id], other)).stderr, /batch_not_found/);
    }
    assert.match((await batches(['list'], other)).stdout, /There are no batches yet/);
  });
});
