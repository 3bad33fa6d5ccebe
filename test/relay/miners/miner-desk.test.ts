import assert from 'node:assert/strict';
import { beforeEach, mock, test } from 'node:test';
import { createMinerDesk, FETCH_WITHIN_MS, type MinerDesk } from '../../../relay/miners/miner-desk.ts';
import { passPiece } from '../../../relay/miners/miner-words.ts';
import { createSlots } from '../../../shared/agent/slots.ts';
import { createOwnerPolicy } from '../../../shared/policy/owner-policy.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import type { Frame, JobRequest } from '../../../shared/protocol/messages.ts';

const MESSAGE_BYTES = 1_000;
let now = 0;
const told = { late: 0, absent: 0, idle: 0 };
beforeEach((t) => {
  now = 0;
  Object.assign(told, { late: 0, absent: 0, idle: 0 });
  mock.timers.enable({ apis: ['setTimeout'] });
  if ('after' in t) t.after(() => mock.timers.reset());
});

function makeDesk(slots = 2): MinerDesk {
  return createMinerDesk({
    slots: createSlots(slots),
    policy: createOwnerPolicy({ now: () => now, policy: { models: { deny: ['secret/*'] } } }),
    epoch: () => 7,
    now: () => now,
    mostMessageBytes: () => MESSAGE_BYTES,
    onLate: () => void told.late++,
    onAbsent: () => void told.absent++,
    onIdle: () => void told.idle++,
  });
}

function request(job: string, more: Partial<JobRequest> = {}): JobRequest {
  const input = { inputs: ['x'], dimensions: null };
  return { job, attempt: 1, epoch: 7, model: 'm', timeoutMs: 60_000, type: 'embed', input, ...more } as JobRequest;
}

function ask(desk: MinerDesk, asked: JobRequest): Frame[] {
  const frames: Frame[] = [];
  desk.handle(asked, (data) => void frames.push(JSON.parse(new TextDecoder().decode(data)) as Frame));
  return frames;
}

const codes = (frames: Frame[]) => frames.map((frame) => (frame.type === 'error' ? frame.problem.code : frame.type));
const still = new AbortController().signal;

test('a job is accepted when a poll has fetched it, the first come first', async () => {
  const desk = makeDesk();
  const [a, b] = [ask(desk, request('a')), ask(desk, request('b'))];
  assert.equal((await desk.poll(0, still))?.request?.job, 'a');
  mock.timers.tick(20);
  assert.deepEqual([codes(a), codes(b)], [['accepted'], []]);
  assert.equal((await desk.poll(0, still))?.request?.job, 'b');
  assert.equal(await desk.poll(0, still), undefined);
});

test('each held poll gets one job, and none more than its own', async () => {
  const desk = makeDesk();
  const polls = [desk.poll(5_000, still), desk.poll(5_000, still)];
  ask(desk, request('a'));
  ask(desk, request('b'));
  assert.deepEqual(
    (await Promise.all(polls)).map((work) => work?.request?.job),
    ['a', 'b'],
  );
  mock.timers.tick(5_000);
  assert.equal(desk.running(), 2);
});

test('a job that nobody fetches is refused as if the node were busy, gives its slot back and tells that nobody is there', async () => {
  const desk = makeDesk(1);
  const frames = ask(desk, request('a'));
  assert.deepEqual(codes(ask(desk, request('b'))), ['node_busy'], 'its one slot is taken');
  mock.timers.tick(FETCH_WITHIN_MS);
  assert.deepEqual(codes(frames), ['node_busy']);
  assert.deepEqual([told.absent, told.idle, desk.running()], [1, 1, 0]);
  assert.equal(await desk.poll(0, still), undefined);
});

test('a poll that breaks off gets no job, and says that nobody may be there', async () => {
  const desk = makeDesk();
  const broken = new AbortController();
  const poll = desk.poll(5_000, broken.signal);
  broken.abort();
  assert.equal(await poll, undefined);
  assert.equal(told.absent, 1);
  ask(desk, request('a'));
  assert.equal((await desk.poll(0, still))?.request?.job, 'a');
});

test('while another poll is held somebody is there', async () => {
  const desk = makeDesk();
  const [first, second] = [new AbortController(), new AbortController()];
  const polls = [desk.poll(5_000, first.signal), desk.poll(5_000, second.signal)];
  first.abort();
  await polls[0];
  assert.equal(told.absent, 0);
  second.abort();
  await polls[1];
  assert.equal(told.absent, 1);
});

test('a job whose answer did not leave goes elsewhere, and its miner can end it no more', async () => {
  const desk = makeDesk();
  const frames = ask(desk, request('a'));
  const fetched = (await desk.poll(0, still))?.request;
  assert.ok(fetched);
  desk.giveBack(fetched);
  assert.deepEqual(codes(frames), ['node_busy']);
  assert.throws(() => desk.errandOf(fetched), { code: 'attempt_over' });
  assert.equal(told.late, 1);
});

test('a job that is not fetched yet has no words, nor has another attempt or session', async () => {
  const desk = makeDesk();
  ask(desk, request('a'));
  assert.throws(() => desk.errandOf(request('a')), { code: 'attempt_over' });
  await desk.poll(0, still);
  assert.throws(() => desk.errandOf(request('a', { attempt: 2 })), { code: 'attempt_over' });
  assert.throws(() => desk.errandOf(request('a', { epoch: 6 })), { code: 'stale_epoch' });
  assert.equal(desk.errandOf(request('a')).request.job, 'a');
});

test('[M6] pieces that travel together make no message that the bus does not take', async () => {
  const desk = makeDesk();
  const sent: number[] = [];
  const input = { messages: [], maxTokens: null };
  desk.handle(request('a', { type: 'llm', stream: true, input } as unknown as Partial<JobRequest>), ({ length }) => {
    if (length > MESSAGE_BYTES) throw new Problem('body_too_large', 'As the bus does.');
    sent.push(length);
  });
  await desk.poll(0, still);
  const errand = desk.errandOf(request('a'));
  const pass = (seq: number, length: number): void =>
    passPiece(errand, { ...request('a'), partial: true, seq, text: 'x'.repeat(length) }, now);
  pass(0, 1);
  pass(1, MESSAGE_BYTES / 4);
  assert.throws(() => pass(2, MESSAGE_BYTES), { code: 'body_too_large' });
  // What is held back for a moment leaves by a timer, where nobody hears of a refusal.
  mock.timers.tick(4);
  assert.equal(sent.length, 2);
});

test('the time of a job ends it, and its miner is told for as long as an answer may be lost', async () => {
  const desk = makeDesk();
  const frames = ask(desk, request('a', { timeoutMs: 1_000 }));
  await desk.poll(0, still);
  mock.timers.tick(1_000);
  assert.equal(codes(frames).at(-1), 'job_timeout');
  const name = { job: 'a', attempt: 1, epoch: 7 };
  assert.deepEqual(await desk.poll(0, still), { request: null, cancel: [name] });
  assert.equal(await desk.poll(0, still), undefined);
  assert.deepEqual(desk.cancelled(), [name]);
  now = 60_000;
  assert.deepEqual(desk.cancelled(), []);
});

test('a job that is cancelled before it is fetched is never told of', async () => {
  const desk = makeDesk();
  const frames = ask(desk, request('a'));
  desk.cancel({ job: 'a', attempt: 2, epoch: 7 });
  assert.deepEqual(frames, []);
  desk.cancel({ job: 'a', attempt: 1, epoch: 7 });
  assert.deepEqual(codes(frames), ['cancelled']);
  assert.equal(await desk.poll(0, still), undefined);
});

test('jobs that are turned away go elsewhere, and those that were fetched go on', async () => {
  const desk = makeDesk();
  const [a, b] = [ask(desk, request('a')), ask(desk, request('b'))];
  await desk.poll(0, still);
  desk.turnAway();
  mock.timers.tick(20);
  assert.deepEqual([codes(a), codes(b)], [['accepted'], ['node_busy']]);
  assert.equal(await desk.poll(0, still), undefined);
});

test('what the session, the owner or the relay’s own mistake rules out is refused before the miner sees it', async () => {
  const desk = makeDesk();
  assert.deepEqual(codes(ask(desk, request('a', { epoch: 6 }))), ['stale_epoch']);
  assert.deepEqual(codes(ask(desk, request('b', { model: 'secret/plan' }))), ['policy_refused']);
  ask(desk, request('c'));
  assert.deepEqual(codes(ask(desk, request('c'))), ['node_busy']);
});

test('jobs that are abandoned end without a word, and polls that are ended with nothing', async () => {
  const desk = makeDesk();
  const frames = ask(desk, request('a'));
  await desk.poll(0, still);
  const held = desk.poll(5_000, still);
  desk.abandonAll('gone');
  desk.endPolls();
  assert.equal(await held, undefined);
  assert.deepEqual([frames, desk.running(), desk.cancelled()], [[], 0, []]);
});
