import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LiveNode } from '../../../relay/fabric/nodes/node-table.ts';
import { beginCourse } from '../../../relay/jobs/course.ts';
import type { JobSpec } from '../../../relay/jobs/job.ts';
import { createJobsInHand } from '../../../relay/jobs/jobs-in-hand.ts';
import type { JobRecord } from '../../../relay/store/store.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { finishedJob } from '../store/store-records.ts';

const node = (id: string, epoch: number) => ({ id, epoch }) as LiveNode;
const JOB = { id: 'job_1', requestId: 'req_1', apiKeyId: 'key_1', type: 'llm', model: 'm', stream: true, input: {} };

function start() {
  const kept = new Map<string, JobRecord>();
  const written = Promise.withResolvers<void>();
  const inHand = createJobsInHand({
    write: () => written.promise,
    find: (id) => kept.get(id),
    kept: () => [...kept.values()],
  });
  let ms = 0;
  const course = beginCourse(JOB as unknown as JobSpec, {}, () => ms);
  const caller = new AbortController();
  const ended = inHand.begin(course, caller);
  const look = () => {
    const job = inHand.find('job_1');
    return [job?.state, job?.attempts.map(({ nodeId, state }) => `${nodeId} ${state}`)];
  };
  const pass = (by: number): void => {
    ms += by;
  };
  return { inHand, kept, written, course, caller, ended, look, pass };
}

test('a job is queued until a node has it, and again between two of them', () => {
  const { inHand, course, look, pass } = start();
  assert.deepEqual(look(), ['queued', []]);
  assert.equal(inHand.find('job_1')?.startedAt, null);
  pass(30);
  course.assigned(node('desk', 1));
  assert.deepEqual(look(), ['running', ['desk running']]);
  const job = inHand.find('job_1');
  assert.equal((job?.startedAt ?? 0) - (job?.createdAt ?? 0), 30);
  course.unassigned();
  assert.deepEqual(look(), ['queued', []]);
  course.assigned(node('attic', 4));
  course.attemptEnded(node('attic', 4), new Problem('node_lost', 'It went away.'));
  assert.deepEqual(look(), ['queued', ['attic failed']]);
  course.assigned(node('desk', 1));
  assert.deepEqual(look(), ['running', ['attic failed', 'desk running']]);
  assert.equal(inHand.find('job_2'), undefined);
});

test('a job that has ended is in hand until its record is written, and then only while that is kept', async () => {
  const { inHand, kept, written, ended } = start();
  const record = finishedJob('job_1');
  ended(record, 'desk');
  assert.deepEqual([inHand.find('job_1')?.state, inHand.find('job_1')?.receipt], ['succeeded', null]);
  assert.ok(!('charge' in (inHand.find('job_1') ?? {})));
  const whenWritten = inHand.whenWritten('job_1');
  written.resolve();
  await whenWritten;
  assert.equal(inHand.find('job_1'), undefined);
  assert.equal(inHand.whenWritten('job_1'), undefined);
  kept.set('job_1', record);
  assert.equal(inHand.find('job_1')?.state, 'succeeded');
});

test('giving a job up tells its caller why and waits for its record', async () => {
  const { inHand, written, caller, ended } = start();
  const reason = new Problem('cancelled', 'The job was cancelled.');
  let isOver = false;
  const over = inHand.giveUp('job_1', reason).then((found) => {
    isOver = true;
    return found;
  });
  assert.equal(caller.signal.reason, reason);
  ended(finishedJob('job_1', { state: 'cancelled', receipt: null }), null);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isOver, false);
  written.resolve();
  assert.equal(await over, true);
  assert.equal(await inHand.giveUp('job_1', reason), false);
});
