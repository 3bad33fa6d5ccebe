/** Receipts and credits of the relay in the ledger of the app. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import Database from 'better-sqlite3';
import { openLedger } from '../../../main/headless/ledger/ledger.ts';
import { LEDGER_MIGRATIONS } from '../../../main/headless/ledger/migrations.ts';
import { createRecordKeeper } from '../../../main/headless/ledger/record-keeper.ts';
import { USUALLY_KEPT } from '../../../main/headless/ledger/retention.ts';
import { startDesktopAgent } from '../../../main/node/start-desktop-agent.ts';
import { createReceiptSealer } from '../../../relay/receipts/seal-receipt.ts';
import type { FetchedRecords } from '../../../shared/agent/fetch-records.ts';
import type { PairingCode } from '../../../shared/api/pairing.ts';
import type { RelayLink } from '../../../shared/ipc/app-state.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import type { RecordsQuestion, UncountedAttempt } from '../../../shared/protocol/node-records.ts';
import { checkReceiptFile } from '../../../shared/receipts/receipt-proof.ts';
import { draftFor, RELAY_KEY } from '../../relay/store/store-records.ts';
import { askChat } from '../../support/ask-pool.ts';
import { type PlayedPage, playComputePages, SETTLED, startDesktop, TEST_MODEL } from '../../support/desktop/desktop.ts';
import { makeCode } from '../../support/pairing.ts';
import { silentLog, startTestPool } from '../../support/pool.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

const RELAY = 'https://relay.example';
const CONNECTED: RelayLink = { state: 'connected', relay: RELAY, nodeId: 'attic-1' };
const NOON = Date.UTC(2026, 10, 21, 12);
const MINUTE_MS = 60_000;
const PAGE = { before: null, limit: 500 };
const sealer = createReceiptSealer(RELAY_KEY);

/** A keeper on a real ledger; the test is the relay. */
function openKeeper(t: TestContext, folder = temporaryFolder(t), kept = USUALLY_KEPT) {
  const ledger = openLedger(join(folder, 'ledger.sqlite'), LEDGER_MIGRATIONS, kept);
  const asked: RecordsQuestion[] = [];
  const it = {
    folder,
    ledger,
    asked,
    now: NOON,
    link: CONNECTED,
    entries: 0,
    isReachable: true,
    isDiskFull: false,
    logged: [] as unknown[],
    /** Holds each answer back until it is let go. */
    gate: Promise.resolve(),
    withheld: new Set<string>(),
    uncounted: [] as UncountedAttempt[],
    done: (job: string) => {
      ledger.addJob({ ...ENDED, job, startedAt: it.now });
      keeper.jobDone();
    },
    /** Lets so much time pass, a second at a time, as the app looks. */
    pass: async (ms: number) => {
      for (const end = it.now + ms; it.now < end; it.now += 1_000) await keeper.look();
    },
    state: () => keeper.state(),
    look: () => keeper.look(),
    close: () => keeper.close(),
  };
  const keeper = createRecordKeeper({
    ledger: {
      ...ledger,
      addRecords: (records) => {
        if (it.isDiskFull) throw new Database.SqliteError('database or disk is full', 'SQLITE_FULL');
        ledger.addRecords(records);
      },
    },
    link: () => it.link,
    ask: async (question): Promise<FetchedRecords> => {
      asked.push(question);
      await it.gate;
      if (!it.isReachable) throw new Problem('relay_unreachable', 'The relay does not answer.');
      const jobs = question.jobs.filter((job) => !it.withheld.has(job));
      const seqs = Array.from({ length: it.entries }, (_, index) => index + 1).reverse();
      const page = seqs.filter((seq) => seq < (question.creditsBefore ?? Number.MAX_SAFE_INTEGER)).slice(0, 10);
      const last = page.at(-1) ?? 0;
      return {
        relayKey: RELAY_KEY.publicKey,
        receipts: jobs.map((job) => sealer.seal({ ...draftFor(job), id: `receipt_${job}` })),
        credits: page.map((seq) => ({ seq, at: NOON, amountMicro: 500_000, reference: `receipt_${seq}` })),
        creditsNext: last > 1 ? last : null,
        uncounted: it.uncounted,
      };
    },
    now: () => it.now,
    onChange: () => undefined,
    log: { ...silentLog, warn: (fields, message) => void it.logged.push([fields.code, message]) },
  });
  t.after(() => ledger.close());
  return it;
}

const creditsOf = (ledger: ReturnType<typeof openLedger>): number =>
  ledger.days(10).reduce((sum, { credits }) => sum + credits, 0);

test('asks once for the receipt of a job that ended, keeps it, and is quiet from then on', async (t) => {
  const it = openKeeper(t);
  await it.pass(MINUTE_MS);
  assert.equal(it.asked.length, 1, 'a connection begins with one question');
  it.entries = 1;
  it.done('job_1');
  await it.pass(60 * MINUTE_MS);
  assert.deepEqual(
    it.asked.map(({ jobs }) => jobs),
    [[], ['job_1']],
  );
  const [receipt] = it.ledger.receipts(PAGE);
  assert.deepEqual([receipt?.id, receipt?.job], ['receipt_job_1', 'job_1']);
  assert.equal(creditsOf(it.ledger), 0.5);
  assert.equal(it.state().waiting, 0);
});

test('a job that ended well here alone is counted as what the relay says it ended as, and not asked for again', async (t) => {
  const it = openKeeper(t);
  for (const job of ['job_1', 'job_2', 'job_3']) it.withheld.add(job);
  it.uncounted = [
    { job: 'job_1', attempt: 1, code: 'node_lost' },
    { job: 'job_2', attempt: 2, code: 'node_lost' },
    { job: 'job_3', attempt: 1, code: 'of_a_newer_version' },
  ];
  for (const job of ['job_1', 'job_2', 'job_3', 'job_4']) it.done(job);
  assert.equal(it.ledger.days(1)[0]?.failedJobs, 0);
  await it.pass(5_000);
  assert.deepEqual(
    it.ledger.jobs(PAGE).map(({ job, outcome }) => [job, outcome]),
    [
      ['job_4', 'done'],
      ['job_3', 'node_fault'],
      ['job_2', 'done'],
      ['job_1', 'node_lost'],
    ],
  );
  assert.equal(it.ledger.days(1)[0]?.failedJobs, 2);
  await it.pass(MINUTE_MS);
  assert.deepEqual(it.asked.at(-1)?.jobs, ['job_2'], 'another attempt of it is what ended otherwise');
});

test('an app that closes while a question is on its way leaves its ledger alone', async (t) => {
  for (const isReachable of [true, false]) {
    const it = openKeeper(t);
    const gate = Promise.withResolvers<void>();
    Object.assign(it, { gate: gate.promise, isReachable, entries: 25 });
    await it.pass(3_000);
    const looking = it.look();
    assert.equal(it.asked.length, 1);
    it.close();
    it.ledger.close();
    gate.resolve();
    await looking;
    await it.pass(MINUTE_MS);
    assert.equal(it.asked.length, 1);
  }
});

test('a relay that is found while another has yet to answer is asked at the beginning all the same', async (t) => {
  for (const isReachable of [true, false]) {
    const it = openKeeper(t);
    const gate = Promise.withResolvers<void>();
    Object.assign(it, { gate: gate.promise, isReachable });
    await it.pass(3_000);
    const looking = it.look();
    it.link = { ...CONNECTED, relay: 'https://other.example' };
    await it.look();
    gate.resolve();
    await looking;
    assert.equal(it.state().problem, null, 'what the first one did is said of the second');
    it.isReachable = true;
    await it.pass(5_000);
    assert.equal(it.asked.length, 2);
  }
});

test('a ledger on a full disk is told by its own code, and takes what waits when there is room', async (t) => {
  const it = openKeeper(t);
  it.isDiskFull = true;
  it.done('job_1');
  await it.pass(10_000);
  assert.equal(it.state().problem?.code, 'ledger_unusable');
  assert.match(it.state().problem?.message ?? '', /the disk is full\. Free some space; .*\(SQLITE_FULL\)/);
  assert.deepEqual(it.logged[0], ['ledger_unusable', 'receipts could not be kept; they are asked for again']);
  assert.equal(it.state().waiting, 1);
  it.isDiskFull = false;
  await it.pass(5 * MINUTE_MS);
  assert.deepEqual([it.state().problem, it.state().waiting], [null, 0]);
});

test('a ledger that cannot be read any more ends nothing', async (t) => {
  const it = openKeeper(t);
  it.done('job_1');
  it.withheld.add('job_1');
  await it.pass(10_000);
  it.ledger.close();
  await it.pass(MINUTE_MS);
  assert.deepEqual([it.state().problem?.code, it.state().waiting], ['internal', 1]);
});

test('asks again, and less and less, for a receipt that the relay does not have yet', async (t) => {
  const it = openKeeper(t);
  it.withheld.add('job_1');
  it.done('job_1');
  await it.pass(60 * MINUTE_MS);
  assert.ok(it.asked.length > 3 && it.asked.length < 12, `${it.asked.length} questions in an hour`);
  assert.equal(it.state().waiting, 1);
  it.withheld.clear();
  await it.pass(30 * MINUTE_MS);
  assert.equal(it.ledger.receipts(PAGE).length, 1);
});

test('a relay that cannot be reached costs nothing but time, and its receipts come afterwards, also after a restart', async (t) => {
  const it = openKeeper(t);
  it.isReachable = false;
  it.entries = 25;
  it.done('job_1');
  await it.pass(5 * MINUTE_MS);
  assert.deepEqual(it.state().problem, { code: 'relay_unreachable', message: 'The relay does not answer.' });
  it.link = { state: 'connecting', relay: RELAY };
  const before = it.asked.length;
  await it.pass(30 * MINUTE_MS);
  assert.equal(it.asked.length, before, 'a relay without a session was asked');
  it.ledger.close();
  const again = openKeeper(t, it.folder);
  again.entries = 25;
  await again.pass(MINUTE_MS);
  assert.equal(again.ledger.receipts(PAGE).length, 1);
  assert.equal(creditsOf(again.ledger), 12.5, 'every page of credits is there');
  const third = openKeeper(t, it.folder);
  third.entries = 26;
  await third.pass(MINUTE_MS);
  assert.equal(creditsOf(third.ledger), 13, 'credits were counted twice');
  assert.deepEqual(third.asked, [{ jobs: [], creditsBefore: null }], 'known credits were asked for');
  assert.equal(third.ledger.receipts(PAGE).length, 1);
});

test('more jobs than one question may name are asked for in turn', async (t) => {
  const it = openKeeper(t);
  for (let job = 0; job < 120; job++) it.done(`job_${job}`);
  await it.pass(MINUTE_MS);
  assert.deepEqual(
    it.asked.map(({ jobs }) => jobs.length),
    [50, 50, 20],
  );
  assert.equal(it.ledger.receipts(PAGE).length, 120);
});

test('credits that are forgotten count once, whatever the relay tells of them again', async (t) => {
  const it = openKeeper(t, temporaryFolder(t), { ...USUALLY_KEPT, credits: 2 });
  it.entries = 5;
  it.done('j1');
  await it.pass(10_000);
  it.ledger.forgetOld();
  it.entries = 6;
  it.done('j2');
  await it.pass(10_000);
  assert.equal(creditsOf(it.ledger), 3);
});

test('a job for a real relay leaves its countersigned receipt and its credit in the ledger', async (t) => {
  const pool = await startTestPool(t);
  const headers = { authorization: `Bearer ${pool.relay.adminToken}`, 'content-type': 'application/json' };
  const price = { method: 'PUT', headers, body: JSON.stringify({ per_job_micro: 2_000_000, fee_percent: 50 }) };
  assert.equal((await pool.request('/v1/admin/prices/*', price)).status, 200);
  let page: PlayedPage | undefined;
  const desktop = await startDesktop(t, {
    stored: SETTLED,
    before: (hands) => {
      page = playComputePages(hands);
    },
    startAgent: startDesktopAgent,
  });
  const { code } = (await makeCode(pool.relay)) as PairingCode & { code: string };
  await desktop.ask('pair', { invitation: code, relayUrl: pool.relay.url });
  await until(async () => (await (await pool.request('/v1/models')).text()).includes(TEST_MODEL));
  const answer = askChat(pool, TEST_MODEL);
  const run = await page?.orders.next();
  assert.ok(run?.order.type === 'run');
  await page?.say({ type: 'text', id: run.order.id, text: 'Hi', tokens: 1, more: undefined });
  const usage = { inputTokens: 3, outputTokens: 1 };
  await page?.say({ type: 'done', id: run.order.id, finishReason: 'stop', usage });
  const { jobId } = await answer;
  await until(async () => {
    desktop.clock.now += 10_000;
    await desktop.tick();
    return (await desktop.ask('listReceipts', PAGE)).length === 1 && desktop.app.state().records.waiting === 0;
  });
  const [receipt] = await desktop.ask('listReceipts', PAGE);
  assert.equal(receipt?.job, jobId);
  const findings = await checkReceiptFile(JSON.parse(receipt?.document ?? ''));
  assert.deepEqual(
    findings.slice(0, 2).map(({ isSound }) => isSound),
    [true, true],
  );
  await until(async () => (await desktop.ask('listDays', { days: 400 })).some(({ credits }) => credits === 1));
});

const ENDED = {
  attempt: 1,
  type: 'llm',
  model: TEST_MODEL,
  client: 'key_1',
  relay: RELAY,
  totalMs: 1_000,
  inputTokens: 3,
  outputTokens: 4,
  outcome: 'done',
};
