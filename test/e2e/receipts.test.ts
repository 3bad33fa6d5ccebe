import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import Database from 'better-sqlite3';
import type { AuditReport, ReceiptList } from '../../shared/api/receipts.ts';
import type { ReceiptProof } from '../../shared/receipts/receipt-proof.ts';
import { type Command, runSparewatt, sparewatt } from '../support/command.ts';

type Ready = { url: string; pid: number };

describe('sparewatt receipts', () => {
  const data = mkdtempSync(join(tmpdir(), 'sparewatt-test-'));
  const file = join(data, 'receipt.json');
  let relay: Command;
  let agent: Command;
  let ready: Ready;
  /** What the first chat has printed. */
  let said = '';
  const startAgent = async (): Promise<void> => {
    agent = sparewatt(['agent', '--relay', ready.url, '--data', data, '--ready-json']);
    await agent.firstLine();
  };
  before(async () => {
    relay = sparewatt(['relay', '--port', '0', '--data', data, '--ready-json']);
    ready = JSON.parse(await relay.firstLine()) as Ready;
    await startAgent();
  });
  after(async () => {
    agent.child.kill('SIGTERM');
    relay.child.kill('SIGTERM');
    await Promise.all([agent.exit, relay.exit]);
    rmSync(data, { recursive: true, force: true });
  });
  const run = (...args: string[]) => runSparewatt(['receipts', ...args, '--data', data]);
  const chat = () => runSparewatt(['chat', 'What is 1 + 2?', '--relay', ready.url, '--data', data, '--receipt', file]);

  it('verifies what chat --receipt has saved, without asking anybody', async () => {
    const asked = await chat();
    assert.equal(asked.code, 0);
    said = asked.stdout;
    const { code, stdout } = await runSparewatt(['receipts', 'verify', file, '--relay', 'http://127.0.0.1:9']);
    assert.equal(code, 0);
    assert.equal(stdout.match(/✓/g)?.length, 4, stdout);
  });

  it('says what the receipt tells, and whether it stands for an answer that was kept', async () => {
    const answer = join(data, 'answer.txt');
    writeFileSync(answer, said);
    const { receipt } = JSON.parse(readFileSync(file, 'utf8')) as ReceiptProof;
    const { code, stdout } = await run('verify', file, '--answer', answer);
    assert.equal(code, 0);
    assert.ok(
      stdout.includes(`✓ answer: it stands for ${answer}\n  receipt  ${receipt.id}\n  job      ${receipt.job}\n`),
      stdout,
    );
    assert.match(stdout, /\n {2}model {4}sparewatt\/demo-chat\n {2}tokens {3}\d+ read, \d+ written\n/);
    writeFileSync(answer, '1000000');
    const other = await run('verify', file, '--answer', answer);
    assert.equal(other.code, 1);
    assert.match(other.stdout, /✗ answer: it stands for another than /);
    assert.match(other.stderr, /holds, but it stands for another answer than .*answer\.txt\..*\(receipt_mismatch\)/);
    assert.doesNotMatch(other.stderr, /does not hold/, 'nothing is wrong with the receipt');
    assert.doesNotMatch(other.stdout, /model/, 'what does not hold is not told as what is so');
    writeFileSync(answer, 'null');
    const none = await run('verify', answer, '--answer', answer);
    assert.match(none.stderr, /does not hold: shape\./);
    assert.equal((await run('verify', file, '--answer', join(data, 'nothing.txt'))).code, 2);
  });

  it('refuses a saved receipt that was changed, and one of another relay', async () => {
    const proof = JSON.parse(readFileSync(file, 'utf8')) as ReceiptProof;
    const forged = join(data, 'forged.json');
    const usage = { ...proof.receipt.usage, reported: { inputTokens: 1, outputTokens: 1_000_000 } };
    writeFileSync(forged, JSON.stringify({ ...proof, receipt: { ...proof.receipt, usage } }));
    const changed = await run('verify', forged);
    assert.equal(changed.code, 1);
    assert.match(changed.stderr, /relay signature, node signature, place in the log/);
    const other = await run('verify', file, '--relay-key', `N${'A'.repeat(55)}`);
    assert.match(other.stderr, /issued by the relay N/);
  });

  it('lists and shows the receipts of a job', async () => {
    const { receipt } = JSON.parse(readFileSync(file, 'utf8')) as ReceiptProof;
    const list = await run('list', receipt.job, '--relay', ready.url);
    assert.match(list.stdout, new RegExp(`^${receipt.id} .*signed by node and relay\\n$`));
    const json = await run('list', receipt.job, '--relay', ready.url, '--json');
    assert.deepEqual((JSON.parse(json.stdout) as ReceiptList).data, [receipt]);
    const shown = await run('show', receipt.id, '--relay', ready.url, '--json');
    assert.deepEqual((JSON.parse(shown.stdout) as ReceiptProof).receipt, receipt);
  });

  it('asks the relay whether its log continues what was seen last time', async () => {
    assert.equal((await run('verify', file, '--online', '--relay', ready.url)).code, 0);
    assert.equal((await chat()).code, 0);
    const again = await run('verify', file, '--online', '--relay', ready.url);
    assert.equal(again.code, 0, again.stderr);
    assert.match(again.stdout, /continues it: 2 receipts/);
  });

  it('tells what the relay said of its log as one finding more, also in JSON', async () => {
    const foundBy = async (...args: string[]) => {
      const { code, stdout } = await run('verify', file, '--json', ...args);
      return { code, findings: JSON.parse(stdout) as { check: string; isSound: boolean | null; detail: string }[] };
    };
    const alone = await foundBy();
    const online = await foundBy('--online', '--relay', ready.url);
    assert.deepEqual(online.findings.slice(0, -1), alone.findings);
    const detail = `that of ${ready.url} continues it: 2 receipts`;
    assert.deepEqual(online.findings.at(-1), { check: 'log of the relay', isSound: true, detail });
    const silent = await foundBy('--online', '--relay', 'http://127.0.0.1:9');
    const last = silent.findings.at(-1);
    assert.deepEqual([silent.code, last?.check, last?.isSound], [3, 'log of the relay', null]);
    const seen = readdirSync(data).find((name) => name.startsWith('receipt-log-')) ?? '';
    const kept = readFileSync(join(data, seen), 'utf8');
    // As if the relay had shown another log last time, or has been put back to a backup from before that.
    for (const [other, how] of [
      [{ root: '0'.repeat(64) }, 'it does not continue the one of 2 receipts'],
      [{ size: 9 }, 'it has 2 receipts and had 9'],
    ] as const) {
      const shown = JSON.stringify({ ...JSON.parse(kept), ...other });
      writeFileSync(join(data, seen), shown);
      const { code, findings } = await foundBy('--online', '--relay', ready.url);
      const said = findings.at(-1);
      assert.deepEqual([code, said?.isSound], [1, false], said?.detail);
      assert.equal(said?.detail, `The relay's receipt log was rewritten: ${how}.`);
      assert.equal(readFileSync(join(data, seen), 'utf8'), shown, 'what was seen last is kept as a proof');
    }
    writeFileSync(join(data, seen), kept);
  });

  it('says that a job has no receipt which no node has done', async () => {
    // Its model is known, and nobody serves it now.
    agent.child.kill('SIGTERM');
    await agent.exit;
    const place = ['--relay', ready.url, '--data', data, '--json'];
    const asked = await runSparewatt([
      'jobs',
      'submit',
      'llm/inference',
      'x',
      '--model',
      'sparewatt/demo-chat',
      ...place,
    ]);
    const { id } = JSON.parse(asked.stdout) as { id: string };
    const listed = await run('list', id, '--relay', ready.url);
    assert.deepEqual([listed.code, listed.stdout], [0, '']);
    assert.match(listed.stderr, /^There is no receipt of this job/);
    await runSparewatt(['jobs', 'cancel', id, ...place]);
    await startAgent();
  });

  it('audits a data folder after kill -9, and finds what was changed in it', async () => {
    await Promise.all([chat(), chat(), chat()]);
    relay.child.kill('SIGKILL');
    await relay.exit;
    const database = join(data, 'relay', 'sparewatt.sqlite');
    const bytes = () => [database, `${database}-wal`].map((path) => readFileSync(path));
    const before = bytes();
    const sound = await run('audit');
    assert.equal(sound.code, 0, sound.stdout + sound.stderr);
    assert.deepEqual(bytes(), before, 'an audit changes nothing');
    assert.match(sound.stdout, /5 receipts, root [0-9a-f]{64}/);

    relay = sparewatt(['relay', '--port', '0', '--data', data, '--ready-json']);
    await relay.firstLine();
    relay.child.kill('SIGTERM');
    await relay.exit;
    const db = new Database(database);
    db.exec(`UPDATE receipts SET body = replace(body, '"attempt":1', '"attempt":2') WHERE seq = 2`);
    db.close();
    const changed = await run('audit', '--json');
    assert.equal(changed.code, 1);
    assert.match((JSON.parse(changed.stdout) as AuditReport).problems.join(), /Receipt 1 is not what was logged/);
  });
});
