/** What a node without a screen writes down of its work. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createJobDesk } from '../../../../main/headless/ledger/job-desk.ts';
import { LEDGER_FILE, type NodeLedgerOptions, openNodeLedger } from '../../../../main/headless/ledger/node-ledger.ts';
import type { PowerDraw } from '../../../../main/headless/power-draw.ts';
import type { RecordsQuestion } from '../../../../shared/protocol/node-records.ts';
import { collectLog } from '../../../support/log.ts';
import { withEachNoFile } from '../../../support/no-files.ts';
import { settled } from '../../../support/pending-timers.ts';
import { isProblem } from '../../../support/problems.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const NOON = new Date(2026, 10, 21, 12).getTime();
const PAGE = { before: null, limit: 10 };
const RELAY = 'http://relay';
const JOB = { job: 'job_1', attempt: 1, type: 'llm' as const, model: 'a/m', client: 'key_1', startedAt: NOON };
const DONE = { outcome: 'done' as const, usage: { inputTokens: 3, outputTokens: 40 }, totalMs: 60_000.4 };
const GPU = { name: 'RTX 4090', vendor: 'NVIDIA', vram_bytes: null, driver: null };

function open(t: TestContext, options: Partial<NodeLedgerOptions> = {}) {
  const dataFolder = options.dataFolder ?? temporaryFolder(t);
  const log = collectLog();
  const common = { dataFolder, relayUrl: RELAY, policy: { isOpen: () => true }, now: () => NOON, log };
  const ledger = openNodeLedger({ ...common, ...options });
  return { ledger, dataFolder, log };
}

test('what ended is there after a restart, and receipts are asked for', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let now = NOON;
  let watts = 50;
  const asked: RecordsQuestion[] = [];
  const power = async ({ gpu }: { gpu: boolean }): Promise<PowerDraw> => ({
    gpuWatts: gpu ? watts : null,
    cpuJoules: null,
  });
  const { ledger, dataFolder } = open(t, { now: () => now, readPower: power });
  const records = async (question: RecordsQuestion) => {
    asked.push(question);
    return { relayKey: 'NRELAY', receipts: [], credits: [], creditsNext: null };
  };
  ledger.attach({
    agent: { hasSession: () => true, records },
    link: () => ({ state: 'connected', relay: RELAY, nodeId: 'attic' }),
    models: () => [{ name: 'a/m', device: 'cuda' }],
    gpus: [GPU],
  });
  const pass = async (seconds: number): Promise<void> => {
    for (let i = 0; i < seconds; i += 1) {
      now += 1_000;
      t.mock.timers.tick(1_000);
      await settled();
    }
  };
  await pass(90);
  watts = 150;
  ledger.jobs.witness.began(JOB);
  await pass(60);
  ledger.jobs.witness.ended(JOB, DONE);
  await pass(5);
  assert.deepEqual(asked.at(-1)?.jobs, ['job_1']);
  ledger.close();
  const again = open(t, { dataFolder }).ledger;
  const [kept] = again.read().jobs(PAGE);
  const { energyJ, ...job } = kept ?? { energyJ: null };
  const ended = { totalMs: 60_000, inputTokens: 3, outputTokens: 40, outcome: 'done' };
  assert.deepEqual(job, { row: 1, ...JOB, relay: RELAY, ...ended });
  assert.ok(Math.abs((energyJ ?? 0) - 6_000) < 200, `${energyJ} J for a minute of 100 W`);
  again.close();
});

test('a ledger that cannot be opened costs nothing but itself, and is said once', async (t) => {
  const dataFolder = temporaryFolder(t);
  await withEachNoFile(join(dataFolder, LEDGER_FILE), () => {
    const { ledger, log } = open(t, { dataFolder });
    ledger.jobs.witness.began(JOB);
    ledger.jobs.witness.ended(JOB, DONE);
    assert.deepEqual(ledger.jobs.done(), { jobs: 1, outputTokens: 40 });
    assert.throws(() => ledger.read(), isProblem('data_folder_unusable', /could not be opened when it started/));
    assert.equal(log.lines.length, 1);
    ledger.close();
  });
});

test('a disk that is full costs no job, is said once, and what comes after it is written', () => {
  const log = collectLog();
  const written: string[] = [];
  let isFull = true;
  const desk = createJobDesk({
    ledger: {
      addJob: ({ job }) => void (isFull ? assert.fail('database or disk is full') : written.push(job)),
      forgetOld: () => undefined,
    },
    relay: () => RELAY,
    onChange: () => undefined,
    log,
  });
  const end = (job: string): void => {
    desk.witness.began({ ...JOB, job });
    desk.witness.ended({ ...JOB, job }, DONE);
  };
  for (const job of ['a', 'b']) end(job);
  isFull = false;
  end('c');
  isFull = true;
  end('d');
  assert.deepEqual([written, desk.count(), desk.done().jobs], [['c'], 0, 4]);
  assert.equal(log.lines.length, 2, 'once for each time that it fails');
});

test('a job that ends as the node does is written down, and the end of an answer waits for no disk', (t) => {
  const { ledger, dataFolder } = open(t);
  ledger.jobs.witness.began(JOB);
  ledger.jobs.witness.ended(JOB, DONE);
  assert.deepEqual(ledger.read().jobs(PAGE), [], 'it is written in a turn of its own');
  ledger.close();
  const again = open(t, { dataFolder }).ledger;
  assert.equal(again.read().jobs(PAGE).length, 1);
  again.close();
});
