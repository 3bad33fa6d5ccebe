import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { openLedger } from '../../../main/headless/ledger/ledger.ts';
import { LEDGER_MIGRATIONS } from '../../../main/headless/ledger/migrations.ts';
import { isProblem } from '../../support/problems.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const AT = new Date(2026, 10, 21, 12).getTime();

const JOB = {
  job: 'j1',
  attempt: 1,
  type: 'llm',
  model: 'acme/m',
  client: 'key_1',
  relay: 'http://relay.test',
  startedAt: AT,
  totalMs: 1_500,
  inputTokens: 3,
  outputTokens: 40,
  outcome: 'done',
};

test('the ledger keeps jobs, receipts, credits and departures, and adds up days', (t) => {
  const path = join(temporaryFolder(t), 'ledger.sqlite');
  let ledger = openLedger(path);
  ledger.addJob(JOB);
  ledger.addJob(JOB);
  ledger.addJob({ ...JOB, job: 'j2', outcome: 'handed_back', outputTokens: 2 });
  ledger.addEnergy({ relay: JOB.relay, job: 'j1', attempt: 1 }, 90.5);
  ledger.addEnergy({ relay: 'http://another', job: 'j2', attempt: 1 }, 7);
  ledger.addReceipt({ id: 'r1', job: 'j1', at: AT, document: '{}' });
  ledger.addReceipt({ id: 'r1', job: 'j1', at: AT, document: '{"other":1}' });
  ledger.addCredit({ id: 'c1', at: AT, amount: 0.5 });
  ledger.addCredit({ id: 'c1', at: AT, amount: 0.5 });
  ledger.addCredit({ id: 'c2', at: AT - 24 * 3_600_000, amount: 2 });
  ledger.addDeparture({ at: AT + 1, kind: 'answer', to: 'relay.test', sizeBytes: 10 });
  ledger.addDeparture({ at: AT + 59_000, kind: 'answer', to: 'relay.test', sizeBytes: 5 });
  ledger.close();
  ledger = openLedger(path);
  assert.deepEqual(
    ledger.jobs({ before: null, limit: 10 }).map(({ job }) => job),
    ['j2', 'j1'],
  );
  assert.deepEqual(ledger.jobs({ before: 2, limit: 10 }), [{ row: 1, ...JOB, energyJ: 90.5 }]);
  assert.deepEqual(
    ledger.receipts({ before: null, limit: 10 }).map(({ document }) => document),
    ['{}'],
  );
  assert.deepEqual(ledger.departures({ before: null, limit: 10 }), [
    { row: 1, at: AT, kind: 'answer', to: 'relay.test', sizeBytes: 15 },
  ]);
  assert.deepEqual(ledger.days(10), [
    {
      day: '2026-11-21',
      jobs: 2,
      failedJobs: 1,
      outputTokens: 42,
      busyMs: 3_000,
      credits: 0.5,
      energyJ: 90.5,
      meteredJobs: 1,
      meteredMs: 1_500,
    },
    {
      day: '2026-11-20',
      jobs: 0,
      failedJobs: 0,
      outputTokens: 0,
      busyMs: 0,
      credits: 2,
      energyJ: 0,
      meteredJobs: 0,
      meteredMs: 0,
    },
  ]);
  ledger.close();
});

test('the ledger takes over no file of another program or of a later version, and takes steps once', (t) => {
  const folder = temporaryFolder(t);
  const foreign = new Database(join(folder, 'foreign'));
  foreign.exec('CREATE TABLE theirs (x)');
  foreign.close();
  assert.throws(() => openLedger(join(folder, 'foreign')), isProblem('data_folder_unusable', /another program/));
  const path = join(folder, 'ledger');
  const next = { id: 1_000, sql: 'ALTER TABLE jobs ADD COLUMN note TEXT' };
  openLedger(path, [...LEDGER_MIGRATIONS, next]).close();
  openLedger(path, [...LEDGER_MIGRATIONS, next]).close();
  assert.throws(() => openLedger(path), isProblem('data_folder_unusable', /newer Sparewatt/));
});

test('a ledger from before energy was measured keeps its jobs, of which it is not known', (t) => {
  const path = join(temporaryFolder(t), 'ledger.sqlite');
  const before = new Database(path);
  for (const { sql } of LEDGER_MIGRATIONS.filter(({ id }) => id < 30)) before.exec(sql);
  before.pragma('application_id = 0x5350574c');
  before.pragma('user_version = 20');
  before.exec(
    "INSERT INTO jobs VALUES (1, 'j1', 1, 'llm', 'acme/m', 'key_1', 'http://relay.test', 1, '2026-11-20', 9, 3, 40, 'done')",
  );
  before.close();
  const ledger = openLedger(path);
  assert.deepEqual(
    ledger.jobs({ before: null, limit: 9 }).map(({ job, energyJ }) => [job, energyJ]),
    [['j1', null]],
  );
  ledger.addEnergy({ relay: 'http://relay.test', job: 'j1', attempt: 1 }, 0);
  assert.equal(ledger.jobs({ before: null, limit: 9 })[0]?.energyJ, 0);
  assert.equal(ledger.days(1)[0]?.meteredJobs, 1);
  ledger.close();
});

test('a ledger keeps its newest entries, and the sums of all its days', (t) => {
  const path = join(temporaryFolder(t), 'ledger.sqlite');
  const ledger = openLedger(path, LEDGER_MIGRATIONS, { jobs: 3, credits: 2, departures: 1 });
  const DAY_MS = 24 * 3_600_000;
  const addJob = (number: number): void => {
    const job = `j${number}`;
    ledger.addJob({ ...JOB, job, startedAt: AT + number * DAY_MS, outcome: number === 1 ? 'node_lost' : 'done' });
    ledger.addReceipt({ id: `r${number}`, job, at: AT, document: '{}' });
    ledger.addEnergy({ relay: JOB.relay, job, attempt: 1 }, 10);
  };
  for (const number of [0, 0.1, 1, 2, 3]) addJob(number);
  const credits = (seqs: number[]) =>
    seqs.map((seq) => ({ seq, at: AT + seq * DAY_MS, amountMicro: 500_000, reference: `r${seq}` }));
  ledger.addRecords({ relayKey: 'NOLD', receipts: [], credits: credits([0, -1, -2]) });
  ledger.addRecords({ relayKey: 'NNEW', receipts: [], credits: credits([3, 2, 1]) });
  for (const at of [AT, AT + DAY_MS]) ledger.addDeparture({ at, kind: 'beat', to: 'r', sizeBytes: 1 });
  const before = ledger.days(10);
  for (let times = 0; times < 2; times += 1) {
    ledger.forgetOld();
    assert.deepEqual(ledger.days(10), before);
  }
  const jobs = ledger.jobs({ before: null, limit: 10 }).map(({ job }) => job);
  assert.deepEqual(jobs, ['j3', 'j2', 'j1']);
  const receipts = ledger.receipts({ before: null, limit: 10 }).map(({ id }) => id);
  assert.deepEqual(receipts, ['r3', 'r2', 'r1'], 'those of jobs that are kept, or they would be asked for again');
  assert.equal(ledger.departures({ before: null, limit: 10 }).length, 1);
  const known = [ledger.hasCredit('NNEW', 3), ledger.hasCredit('NNEW', 1), ledger.hasCredit('NOLD', 0)];
  assert.deepEqual(known, [true, false, true], 'of each relay the newest is known');
  addJob(4);
  ledger.forgetOld();
  const [newest, , , , first] = ledger
    .days(10)
    .map(({ jobs: count, meteredJobs, busyMs }) => [count, meteredJobs, busyMs]);
  assert.deepEqual(
    [newest, first],
    [
      [1, 1, 1_500],
      [2, 2, 3_000],
    ],
  );
  ledger.close();
});
