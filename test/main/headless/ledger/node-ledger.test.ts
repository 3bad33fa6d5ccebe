/** What a node without a screen writes down of its work. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import Database from 'better-sqlite3';
import { createJobDesk, noteEnergy } from '../../../../main/headless/ledger/job-desk.ts';
import { openLedger } from '../../../../main/headless/ledger/ledger.ts';
import { createLedgerWriter } from '../../../../main/headless/ledger/ledger-writer.ts';
import { LEDGER_FILE, type NodeLedgerOptions, openNodeLedger } from '../../../../main/headless/ledger/node-ledger.ts';
import type { PowerDraw } from '../../../../main/headless/power-draw.ts';
import type { RecordsQuestion } from '../../../../shared/protocol/node-records.ts';
import { afterTest } from '../../../support/after-test.ts';
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

const FULL = new Database.SqliteError('database or disk is full', 'SQLITE_FULL');

function writeTo(t: TestContext, mostWaiting?: number) {
  const log = collectLog();
  const disk = { isFull: true };
  const ledger = openLedger(join(temporaryFolder(t), LEDGER_FILE));
  afterTest(t, async () => ledger.close());
  const onlyWithRoom = <Work extends (...asked: never[]) => void>(work: Work) => {
    return (...asked: Parameters<Work>): void => {
      if (disk.isFull) throw FULL;
      work(...asked);
    };
  };
  const writer = createLedgerWriter({ log, ...(mostWaiting === undefined ? {} : { mostWaiting, mostAtOnce: 2 }) });
  const desk = createJobDesk({
    ledger: { ...ledger, addJob: onlyWithRoom(ledger.addJob) },
    relay: () => RELAY,
    onChange: () => undefined,
    write: writer.write,
  });
  const addEnergy = noteEnergy({ addEnergy: onlyWithRoom(ledger.addEnergy) }, writer.write);
  const end = (job: string): void => {
    desk.witness.began({ ...JOB, job });
    desk.witness.ended({ ...JOB, job }, DONE);
    addEnergy({ relay: RELAY, job, attempt: 1 }, 5);
  };
  const written = () => ledger.jobs(PAGE).map(({ job, energyJ }) => `${job} ${energyJ}`);
  return { log, disk, desk, writer, end, written };
}

test('jobs that end while the disk is full are written once it has room, with their energy, and it is said once', (t) => {
  const { log, disk, desk, writer, end, written } = writeTo(t);
  for (const job of ['a', 'b']) end(job);
  writer.look();
  assert.deepEqual([written(), desk.count(), desk.done().jobs], [[], 0, 2], 'no job is held up');
  assert.equal(log.lines.length, 1);
  assert.match(log.lines[0] ?? '', /^error the ledger takes nothing; this node works on/);
  disk.isFull = false;
  end('c');
  writer.look();
  assert.deepEqual(written(), ['c 5', 'b 5', 'a 5'], 'in their order, the newest first');
  assert.match(log.lines[1] ?? '', /^info the ledger takes what this node does again/);
  end('d');
  disk.isFull = true;
  end('e');
  disk.isFull = false;
  writer.close();
  assert.deepEqual(written().slice(0, 2), ['e 5', 'd 5'], 'what waits is written as the node ends');
  assert.equal(log.lines.length, 4, 'each time that it fails is said');
});

test('so many entries wait for the disk at most, and how many are lost is told', (t) => {
  const { log, disk, writer, end, written } = writeTo(t, 4);
  for (const job of ['a', 'b', 'c']) end(job);
  disk.isFull = false;
  writer.look();
  assert.deepEqual(written(), ['b 5'], 'no more at once than that');
  writer.look();
  assert.deepEqual(written(), ['c 5', 'b 5'], 'the oldest goes first');
  disk.isFull = true;
  end('d');
  writer.close();
  assert.match(log.lines.at(-1) ?? '', /^error what this node did is missing from its ledger/);
});

test('what fails for another reason than the disk is given up, and holds up nothing', () => {
  const log = collectLog();
  const writer = createLedgerWriter({ log });
  const written: number[] = [];
  writer.write(() => assert.fail('a fault of ours'));
  writer.write(() => written.push(1));
  assert.deepEqual(written, [1]);
  assert.match(log.lines.join(), /^error something that this node has done cannot be written/);
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
