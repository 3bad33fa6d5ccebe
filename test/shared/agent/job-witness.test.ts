import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WitnessedEnd, WitnessedJob } from '../../../shared/agent/job-witness.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { openScriptedAgent } from '../../support/nodes/scripted-agent.ts';
import { settled } from '../../support/pending-timers.ts';

test('a witness hears of each job from beginning to end, and nothing of what it is about', async (t) => {
  const began: WitnessedJob[] = [];
  const ended: [string, WitnessedEnd][] = [];
  const produced = new Map<string, number>();
  const witness = {
    began: (job: WitnessedJob) => void began.push(job),
    produced: (job: string, tokens: number) => void produced.set(job, (produced.get(job) ?? 0) + tokens),
    ended: ({ job }: WitnessedJob, end: WitnessedEnd) => void ended.push([job, end]),
  };
  const { start, ask, clock } = await openScriptedAgent(t, { witness, slots: 2 });
  const first = await start({ client: 'key_1' });
  const second = await start();
  ask();
  first.run.output.text('secret', 3);
  clock.now += 40;
  first.run.finish({ usage: { inputTokens: 1, outputTokens: 3 } });
  second.run.fail(new Problem('model_load_failed', 'It did not load.'));
  await settled();
  assert.deepEqual(
    began.map(({ job, client, model, type }) => [job, client, model, type]),
    [
      ['job-1', 'key_1', 'm', 'llm'],
      ['job-2', 'operator', 'm', 'llm'],
    ],
    'a job that found no slot never began',
  );
  assert.equal(produced.get('job-1'), 3);
  assert.deepEqual(new Map(ended).get('job-1'), {
    outcome: 'done',
    usage: { inputTokens: 1, outputTokens: 3 },
    totalMs: 40,
  });
  assert.equal(new Map(ended).get('job-2')?.outcome, 'model_load_failed');
  assert.doesNotMatch(JSON.stringify([began, ended]), /secret/);
});
