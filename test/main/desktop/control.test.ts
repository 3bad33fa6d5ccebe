/** `sparewatt node` at the app: it does what the tray does, by the same desk. */
import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openLedger } from '../../../main/headless/ledger/ledger.ts';
import { askNode, findNodes } from '../../../relay/cli/node/control-client.ts';
import { CONTROL_FOLDER, type ControlRequest, type NodeStatus } from '../../../shared/control/control-protocol.ts';
import type { LedgerJob } from '../../../shared/ipc/ledger-views.ts';
import { DEFAULT_PREFERENCES } from '../../../shared/preferences/preferences.ts';
import { runSparewatt } from '../../support/command.ts';
import { listeners } from '../../support/control.ts';
import {
  type Desktop,
  type DesktopOptions,
  playComputePages,
  SETTLED,
  startDesktop,
} from '../../support/desktop/desktop.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

const version = 1;
const MINUTE_MS = 60_000;

async function open(t: TestContext, options: DesktopOptions = {}): Promise<Desktop> {
  return startDesktop(t, { stored: SETTLED, before: (hands) => void playComputePages(hands), ...options });
}

async function ask({ folder }: Desktop, request: ControlRequest): Promise<NodeStatus> {
  const [node, ...others] = await findNodes([join(folder, CONTROL_FOLDER)]);
  assert.ok(node && others.length === 0);
  for await (const answer of askNode(node, request)) if (answer.answer === 'status') return answer.status;
  throw new Error('no state was told');
}

test('a pause from the command line is the pause of the tray: told, kept, counted down, ended by either', async (t) => {
  const desktop = await open(t);
  const { app, hands, clock, settingsFile } = desktop;
  const paused = await ask(desktop, { version, ask: 'pause', forMs: 45 * MINUTE_MS });
  const until = clock.now + 45 * MINUTE_MS;
  assert.deepEqual([paused.contributing, paused.code, paused.until], [false, 'paused', until]);
  assert.equal(app.policy.shown().reason, 'paused');
  assert.deepEqual(settingsFile.store.wish, { state: 'paused', until });
  assert.equal(desktop.told().code, 'paused', 'the window is told');
  hands.choose('contribute');
  assert.notEqual((await ask(desktop, { version, ask: 'status' })).code, 'paused');
  await ask(desktop, { version, ask: 'pause', forMs: null });
  assert.deepEqual(app.state().wish, { state: 'paused', until: null });
  const resumed = await ask(desktop, { version, ask: 'resume' });
  assert.deepEqual(resumed.wish, { state: 'contribute' });
  assert.equal(app.policy.isOpen(), true);
});

test('the state says which rules of the owner are followed here, as a node without a screen does', async (t) => {
  const desktop = await open(t);
  desktop.sensed.programs = ['witcher3.exe'];
  const games = { detect: false, programs: ['eldenring.exe'] };
  await desktop.ask('setPreferences', { ...DEFAULT_PREFERENCES, games });
  await desktop.tick();
  const { rules } = await ask(desktop, { version, ask: 'status' });
  const followed = rules?.filter(({ followed }) => followed).map(({ needs }) => needs);
  assert.deepEqual(followed, ['programs', 'power', 'idle_s']);
  assert.ok(rules?.some(({ needs, followed }) => needs === 'metered' && !followed));
});

test('finishing pauses when nothing runs, and the state says since when', async (t) => {
  const desktop = await open(t);
  const before = await ask(desktop, { version, ask: 'status' });
  assert.deepEqual(
    [before.kind, before.code, before.since, before.pid],
    ['app', 'unpaired', desktop.clock.now, process.pid],
  );
  desktop.clock.now += MINUTE_MS;
  const finished = await ask(desktop, { version, ask: 'finish' });
  assert.deepEqual([finished.code, finished.since], ['paused', desktop.clock.now]);
  desktop.clock.now += MINUTE_MS;
  assert.equal((await ask(desktop, { version, ask: 'status' })).since, before.since + MINUTE_MS);
});

test('the command finds the app where Electron keeps its data, and by a folder that is named', async (t) => {
  const home = temporaryFolder(t);
  const { folder } = await open(t, { folder: join(home, 'Sparewatt') });
  const env = { XDG_CONFIG_HOME: home, XDG_DATA_HOME: join(home, 'none'), SPAREWATT_DATA: '' };
  const found = await runSparewatt(['node', 'status', '--json'], { env });
  assert.equal(found.code, 0, found.stderr);
  assert.equal((JSON.parse(found.stdout) as NodeStatus).kind, 'app');
  const named = await runSparewatt(['node', 'status', '--data', folder]);
  assert.match(named.stdout, /^Paused: not paired with a relay yet\n {2}since {3}.*\n {2}node {4}desktop app /);
});

test('the command tells what the ledger of the app has: sums, jobs and receipts, for people and for programs', async (t) => {
  const desktop = await open(t);
  const { clock, folder } = desktop;
  const ledger = openLedger(join(folder, 'ledger.sqlite'));
  const job = {
    type: 'llm',
    model: 'acme/m',
    client: 'key_1',
    relay: 'r',
    totalMs: 660_000,
    inputTokens: 1,
    attempt: 1,
  };
  const ran = { ...job, outputTokens: 40, startedAt: clock.now, outcome: 'done' };
  for (const [name, outcome] of Object.entries({ j1: 'done', j2: 'node_fault', j3: 'done' }))
    ledger.addJob({ ...ran, job: name, outcome });
  ledger.addEnergy({ relay: 'r', job: 'j3', attempt: 1 }, 36_000);
  ledger.addReceipt({ id: 'rcpt_1', job: 'j3', at: clock.now, document: '{"id":"rcpt_1"}' });
  ledger.addCredit({ id: 'N 1', at: clock.now - 48 * 60 * MINUTE_MS, amount: 0.25 });
  ledger.close();
  const { ledger: sums } = await ask(desktop, { version, ask: 'status' });
  assert.deepEqual([sums?.today.jobs, sums?.today.credits, sums?.inAll.credits], [3, 0, 0.25]);
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await runSparewatt(['node', ...args, '--data', folder]);
    assert.equal(code, 0, stderr);
    return { stdout, stderr };
  };
  const status = await run('status');
  assert.match(
    status.stdout,
    / today {3}2 jobs \(1 more failed\), 120 tokens written, 33 min of work, 10 Wh for 1 of 3 jobs\n/,
  );
  assert.match(status.stdout, / in all .*, 0\.25 credits, .* since \d{4}-\d\d-\d\d\n/);
  const jobs = await run('jobs', '--limit', '2');
  assert.match(jobs.stdout, /^WHEN .*\n.* j3 .* done .*660\.0 s {2}40 .* 10 .*acme\/m\n.* j2 .* node_fault .* – .*\n$/);
  assert.match(jobs.stderr, /node jobs --limit 2 --before 2 --data /);
  const rest = JSON.parse((await run('jobs', '--before', '2', '--json')).stdout) as { data: LedgerJob[]; next: null };
  assert.deepEqual([rest.data.map(({ job: name }) => name), rest.next], [['j1'], null]);
  const receipts = await run('receipts', '--json');
  const [receipt] = (JSON.parse(receipts.stdout) as { data: { job: string; receipt: unknown }[] }).data;
  assert.deepEqual([receipt?.job, receipt?.receipt], ['j3', { id: 'rcpt_1' }]);
});

test('quitting takes the socket away', async (t) => {
  const { folder, app } = await open(t);
  assert.deepEqual(await listeners(join(folder, CONTROL_FOLDER)), [process.pid]);
  app.quit.now();
  await until(async () => (await listeners(join(folder, CONTROL_FOLDER))).length === 0);
  assert.deepEqual(readdirSync(join(folder, CONTROL_FOLDER)), []);
});

test('an app that cannot be controlled goes on, and says why in its log', async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, CONTROL_FOLDER), 'in the way');
  const { app, ask: askWindow } = await open(t, { folder });
  assert.equal(app.steps.at(-1), 'show the window');
  const lines = await askWindow('readLog', { lines: 10 });
  assert.ok(
    lines.some((line) => line.includes('answer the command line')),
    lines.join(),
  );
});
