import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { choosePlace } from '../../../../main/headless/control/control-place.ts';
import { openLedger } from '../../../../main/headless/ledger/ledger.ts';
import { askNode, findNodes } from '../../../../relay/cli/node/control-client.ts';
import {
  CONTROL_FOLDER,
  type ControlAnswer,
  type ControlRequest,
} from '../../../../shared/control/control-protocol.ts';
import { afterTest } from '../../../support/after-test.ts';
import { listeners, openTestControl, rawProgram, TEST_STATUS } from '../../../support/control.ts';
import { isProblem } from '../../../support/problems.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { until } from '../../../support/until.ts';

const version = 1;
const line = (value: unknown): string => `${JSON.stringify(value)}\n`;
const ASK = line({ version, ask: 'status' });

async function ask(folder: string, request: ControlRequest): Promise<ControlAnswer[]> {
  const [node] = await findNodes([folder]);
  assert.ok(node, 'nobody listens');
  const answers: ControlAnswer[] = [];
  for await (const answer of askNode(node, request)) answers.push(answer);
  return answers;
}

function problemOf(answers: readonly ControlAnswer[]): string {
  const last = answers.at(-1);
  assert.equal(last?.answer, 'problem');
  return last.problem.code;
}

test('a program asks, pauses, resumes, finishes and reads the log', async (t) => {
  const { folder, asked, log } = await openTestControl(t);
  assert.deepEqual(await ask(folder, { version, ask: 'status' }), [{ version, answer: 'status', status: TEST_STATUS }]);
  await ask(folder, { version, ask: 'pause', forMs: 1_800_000 });
  await ask(folder, { version, ask: 'pause', forMs: null });
  await ask(folder, { version, ask: 'finish' });
  await ask(folder, { version, ask: 'resume' });
  assert.deepEqual(asked, ['pause 1800000', 'pause null', 'finish', 'resume']);
  for (const message of ['one', 'two', 'three']) log.info({ prompt: 'SECRET', token: 'SECRET', job: message }, message);
  const answers = await ask(folder, { version, ask: 'log', lines: 2, follow: false });
  assert.deepEqual(
    answers.map((answer) => (answer.answer === 'log' ? JSON.parse(answer.line).message : answer.answer)),
    ['two', 'three', 'end'],
  );
  assert.doesNotMatch(JSON.stringify(answers), /SECRET/);
});

test('a program reads what the ledger has, a page at a time, and as much of it as has room in an answer', async (t) => {
  const ledger = openLedger(join(temporaryFolder(t), 'ledger.sqlite'));
  afterTest(t, ledger.close);
  const job = { type: 'llm', model: 'm', client: 'key_1', relay: 'r', startedAt: 1, outcome: 'done', attempt: 1 };
  const ran = { ...job, totalMs: 5, inputTokens: 1, outputTokens: 2 };
  const names = ['a', 'b', 'c'];
  for (const name of names) ledger.addJob({ ...ran, job: name });
  // Larger than any real one.
  const document = 'x'.repeat(200_000);
  for (const name of names) ledger.addReceipt({ id: name, job: name, at: 1, document });
  const { folder } = await openTestControl(t, { ledger: () => ledger });
  const jobs = async (before: number | null, limit: number) => {
    const [answer] = await ask(folder, { version, ask: 'jobs', before, limit });
    assert.equal(answer?.answer, 'jobs');
    return [answer.jobs.map(({ job: name }) => name), answer.next];
  };
  assert.deepEqual(await jobs(null, 2), [['c', 'b'], 2]);
  assert.deepEqual(await jobs(2, 2), [['a'], null]);
  assert.deepEqual(await jobs(1, 2), [[], null]);
  const receipts = async (before: number | null) => {
    const [answer] = await ask(folder, { version, ask: 'receipts', before, limit: 100 });
    assert.equal(answer?.answer, 'receipts');
    return [answer.receipts.map(({ id }) => id), answer.next];
  };
  assert.deepEqual(await receipts(null), [['c'], 3]);
  assert.deepEqual(await receipts(2), [['a'], null]);
});

test('a node that keeps no ledger says so and tells its state', async (t) => {
  const { folder } = await openTestControl(t);
  const asked = ask(folder, { version, ask: 'jobs', before: null, limit: 1 });
  await assert.rejects(asked, isProblem('data_folder_unusable', /written down/));
  assert.equal((await ask(folder, { version, ask: 'status' }))[0]?.answer, 'status');
});

test('whoever follows the log is told each line as it is written', async (t) => {
  const { folder, log } = await openTestControl(t);
  log.info({}, 'before');
  const [node] = await findNodes([folder]);
  assert.ok(node);
  const lines = askNode(node, { version, ask: 'log', lines: 10, follow: true });
  const next = async (): Promise<string> => {
    const { value } = await lines.next();
    return value?.answer === 'log' ? JSON.parse(value.line).message : String(value?.answer);
  };
  assert.equal(await next(), 'before');
  log.warn({}, 'after');
  assert.equal(await next(), 'after');
  await lines.return(undefined);
});

test('only its user reaches it: a socket of mode 0600, in a folder that is closed to others however it was before', async (t) => {
  const dataFolder = temporaryFolder(t);
  mkdirSync(join(dataFolder, CONTROL_FOLDER));
  chmodSync(join(dataFolder, CONTROL_FOLDER), 0o777);
  const { control, folder } = await openTestControl(t, { dataFolder });
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  assert.equal(statSync(control.address).mode & 0o777, 0o600);
  assert.ok(statSync(control.address).isSocket());
  for (const name of readdirSync(folder)) assert.equal(statSync(join(folder, name)).mode & 0o077, 0, name);
});

test('a folder that leads elsewhere is refused', async (t) => {
  const dataFolder = temporaryFolder(t);
  symlinkSync(temporaryFolder(t), join(dataFolder, CONTROL_FOLDER));
  await assert.rejects(
    openTestControl(t, { dataFolder }),
    isProblem('data_folder_unusable', /not a folder of this user/),
  );
});

test('what a killed process left is taken away, and nothing but what is its own', async (t) => {
  const dataFolder = temporaryFolder(t);
  const folder = join(dataFolder, CONTROL_FOLDER);
  mkdirSync(folder, { mode: 0o700 });
  const bystander = join(temporaryFolder(t), 'a-file');
  writeFileSync(bystander, 'kept');
  const stale = join(folder, 'dead0000.sock');
  const killed = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', killed, stale]);
  assert.ok(statSync(stale).isSocket());
  writeFileSync(join(folder, 'dead0000.json'), JSON.stringify({ version, address: stale, pid: 1 }));
  writeFileSync(join(folder, 'odd00000.json'), JSON.stringify({ version, address: bystander, pid: 1 }));
  writeFileSync(join(folder, 'damaged0.json'), '{');
  assert.deepEqual(await listeners(folder), []);
  const { control } = await openTestControl(t, { dataFolder });
  const left = readdirSync(folder);
  assert.ok(!left.includes('dead0000.sock') && !left.includes('dead0000.json'), left.join());
  assert.ok(left.includes('damaged0.json'), 'what cannot be read is nobody’s to judge');
  assert.equal(readFileSync(bystander, 'utf8'), 'kept');
  control.close();
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.endsWith('.sock')),
    [],
  );
});

test('a process that lives keeps its socket when another starts in the same folder', async (t) => {
  const first = await openTestControl(t);
  const second = await openTestControl(t, { dataFolder: dirname(first.folder) });
  assert.equal((await listeners(first.folder)).length, 2);
  second.control.close();
  const [answer] = await ask(first.folder, { version, ask: 'status' });
  assert.equal(answer?.answer, 'status');
});

test('where the path would be too long for a socket it lies in a short folder of its own', async (t) => {
  const dataFolder = join(temporaryFolder(t), 'd'.repeat(120));
  const { control, folder } = await openTestControl(t, { dataFolder });
  const own = dirname(control.address);
  assert.notEqual(own, folder);
  assert.equal(statSync(own).mode & 0o777, 0o700);
  assert.equal((await ask(folder, { version, ask: 'status' }))[0]?.answer, 'status');
  control.close();
  assert.equal(statSync(own, { throwIfNoEntry: false }), undefined);
  const options = { dataFolder, temporaryFolder: join(dataFolder, 'too') };
  await assert.rejects(openTestControl(t, options), isProblem('data_folder_unusable', /too long for a socket/));
});

test('on Windows it is a pipe whose name nobody can guess', (t) => {
  const options = { folder: temporaryFolder(t), platform: 'win32' as const, temporaryFolder: '/' };
  const place = choosePlace({ ...options, randomName: () => 'a'.repeat(32) });
  assert.equal(place.address, `\\\\.\\pipe\\sparewatt-${'a'.repeat(32)}`);
});

test('lines that mean nothing are told so, and are the last of their connection', async (t) => {
  const { control, asked } = await openTestControl(t);
  const wrong = [
    '{',
    'GET / HTTP/1.1\r',
    '\0\0\0',
    '[]',
    line({ version, ask: 'pause' }),
    line({ version, ask: 'shutdown' }),
  ];
  for (const text of [
    ...wrong,
    line({ version, ask: 'log', lines: 1e9, follow: false }),
    line({ version: 2, ask: 'status' }),
  ]) {
    const { socket, told } = await rawProgram(t, control.address);
    socket.write(`${text.trimEnd()}\n${line({ version, ask: 'finish' })}`);
    assert.match(problemOf(await told()), /^invalid_(json|value)$/, text);
  }
  assert.deepEqual(asked, []);
});

test('a line without an end is refused when it is too long, and its sender may go on for as long as it likes', async (t) => {
  const { control, folder } = await openTestControl(t);
  const { socket, told } = await rawProgram(t, control.address);
  for (let count = 0; count < 100; count++) socket.write('x'.repeat(10_000));
  // The answer may be lost with what was never read; the node must not be.
  await told();
  assert.deepEqual(await listeners(folder), [process.pid]);
});

test('requests of one connection are answered in turn, also when it has closed its half', async (t) => {
  const { control, asked } = await openTestControl(t, { idleMs: 600_000 });
  const { socket, told } = await rawProgram(t, control.address);
  socket.end(line({ version, ask: 'pause', forMs: 5 }) + ASK + line({ version, ask: 'resume' }));
  const answers = await told();
  assert.deepEqual(asked, ['pause 5', 'resume']);
  assert.deepEqual(
    answers.map(({ answer }) => answer),
    ['status', 'status', 'status'],
  );
});

test('who asks without ever reading is not answered on, and gone after a while', async (t) => {
  const opened = await openTestControl(t, { idleMs: 300 });
  let answered = 0;
  Object.defineProperty(opened, 'status', {
    get: () => {
      answered += 1;
      return TEST_STATUS;
    },
  });
  const { socket } = await rawProgram(t, opened.control.address);
  socket.pause();
  let asked = 0;
  const flood = (): void => {
    do asked += 1_000;
    while (!socket.destroyed && socket.write(ASK.repeat(1_000)));
  };
  socket.on('drain', flood);
  flood();
  await until(() => socket.destroyed);
  assert.ok(asked > answered && answered < 10_000, `${answered} of ${asked} requests were answered`);
  assert.deepEqual(await listeners(opened.folder), [process.pid]);
});

test('what comes while an answer is unread is left where it is', async (t) => {
  const { control, folder, log } = await openTestControl(t, { idleMs: 300 });
  for (let count = 0; count < 1_000; count++) log.info({ detail: 'x'.repeat(1_000) }, 'a line');
  const { socket } = await rawProgram(t, control.address);
  socket.write(line({ version, ask: 'log', lines: 1_000, follow: false }));
  await once(socket, 'readable');
  const more = ASK.repeat(10_000);
  for (let count = 0; count < 50 && !socket.destroyed; count++) {
    await new Promise((resolve) => socket.write(more, resolve));
  }
  await until(() => socket.destroyed);
  assert.ok(socket.bytesWritten < 20 * more.length, `${socket.bytesWritten} bytes were taken`);
  assert.deepEqual(await listeners(folder), [process.pid]);
});

test('of a long log the last lines are told that have room in an answer', async (t) => {
  const { folder, log } = await openTestControl(t);
  for (let count = 1; count <= 1_000; count++) log.info({ count, detail: 'x'.repeat(1_000) }, 'a line');
  const answers = await ask(folder, { version, ask: 'log', lines: 1_000, follow: false });
  assert.ok(answers.length > 200 && answers.length < 300, `${answers.length} answers`);
  const last = answers.at(-2);
  assert.equal(last?.answer === 'log' && JSON.parse(last.line).count, 1_000);
});

test('who follows the log without reading it is cut off, and nothing is kept for them', async (t) => {
  const { control, folder, log } = await openTestControl(t, { unreadMostBytes: 10_000 });
  const { socket } = await rawProgram(t, control.address);
  socket.write(line({ version, ask: 'log', lines: 1, follow: true }));
  log.info({}, 'first');
  await once(socket, 'readable');
  const writtenBytes = 3_000_000;
  for (let bytes = 0; bytes < writtenBytes; bytes += 1_000) log.info({ detail: 'x'.repeat(1_000) }, 'a line');
  let readBytes = 0;
  socket.on('data', (bytes: Buffer) => {
    readBytes += bytes.length;
  });
  await until(() => socket.destroyed || readBytes > writtenBytes);
  assert.ok(socket.destroyed && readBytes < writtenBytes, `${readBytes} bytes were kept`);
  assert.deepEqual(await listeners(folder), [process.pid]);
});

test('a hundred connections are counted: one too many is told so, the others ask, and who is idle makes room', async (t) => {
  const { control, folder } = await openTestControl(t, { idleMs: 500 });
  const programs = await Promise.all(Array.from({ length: 100 }, () => rawProgram(t, control.address)));
  const answers = await Promise.all(programs.map(({ told }) => told()));
  const refused = answers.filter((told) => told.length === 1 && problemOf(told) === 'node_busy');
  assert.equal(refused.length, 68);
  assert.equal((await ask(folder, { version, ask: 'status' }))[0]?.answer, 'status');
});

test('those who follow the log leave room for those who want to pause', async (t) => {
  const { control, folder, asked, log } = await openTestControl(t);
  const follow = line({ version, ask: 'log', lines: 0, follow: true });
  const programs = await Promise.all(Array.from({ length: 9 }, () => rawProgram(t, control.address)));
  for (const { socket } of programs) socket.write(follow);
  const refused = await Promise.race(programs.map(({ told }) => told()));
  assert.equal(problemOf(refused), 'node_busy');
  await ask(folder, { version, ask: 'pause', forMs: null });
  assert.deepEqual(asked, ['pause null']);
  for (const { socket } of programs) socket.destroy();
  log.info({}, 'a line');
  // Who has gone makes room for others.
  await until(async () => {
    const [node] = await findNodes([folder]);
    assert.ok(node);
    const lines = askNode(node, { version, ask: 'log', lines: 1, follow: true });
    const { value } = await lines.next();
    await lines.return(undefined);
    return value?.answer === 'log';
  });
});

test('a fault of the node is told without its inside, and logged', async (t) => {
  const control = await openTestControl(t);
  control.status = new Error('inside');
  const { socket, told } = await rawProgram(t, control.control.address);
  socket.write(ASK);
  const answers = await told();
  assert.equal(problemOf(answers), 'node_fault');
  assert.doesNotMatch(JSON.stringify(answers), /inside/);
  assert.deepEqual(control.said, ['error a request to control this node failed']);
  control.status = TEST_STATUS;
  assert.equal((await ask(control.folder, { version, ask: 'status' }))[0]?.answer, 'status');
});

test('a node that ends in mid-answer is told as lost', async (t) => {
  const { control, folder } = await openTestControl(t);
  const [node] = await findNodes([folder]);
  assert.ok(node);
  const lines = askNode(node, { version, ask: 'log', lines: 0, follow: true });
  const waiting = lines.next();
  await until(() => node.socket.bytesWritten > 0);
  control.close();
  await assert.rejects(waiting, isProblem('node_lost', /ended before it had answered/));
});
