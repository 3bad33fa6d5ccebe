import { Problem } from '../../../shared/problems/problem.ts';
import type { DoneFrame } from '../../../shared/protocol/messages.ts';
import type { AnswerSink } from '../../jobs/attempt.ts';
import type { JobSpec } from '../../jobs/job.ts';
import type { JobResult, JobRunner } from '../../jobs/run-job.ts';

/**
 * Runs the jobs of one answer beside each other. All succeed, or the first failure is told and the others end as cancelled,
 * since nobody will see what they make.
 */
export function runJointly(
  jobs: readonly JobSpec[],
  sinkOf: (place: number) => AnswerSink,
  caller: AbortController,
  runner: Pick<JobRunner, 'run'>,
): Promise<JobResult[]> {
  return Promise.all(
    jobs.map((job, place) =>
      runner.run(job, sinkOf(place), caller).catch((error: unknown) => {
        caller.abort(new Problem('cancelled', 'Another prompt of the same request was not answered.'));
        throw error;
      }),
    ),
  );
}

/** What the job at this place puts out is told as choices of the whole answer, until that has failed. */
export function sinkAt(place: number, choices: number, whole: AnswerSink, signal: AbortSignal): AnswerSink {
  const before = place * choices;
  return {
    accepted: (node) => whole.accepted?.(node),
    text: (text, tokens, more) => {
      if (!signal.aborted) whole.text?.(text, tokens, { ...more, choice: before + (more?.choice ?? 0) });
    },
  };
}

/** The ends of jobs of `choices` choices each, as the one of a job that has made all of them; the node is the first one's. */
export function jointResult(results: readonly JobResult[], choices: number): Pick<JobResult, 'done' | 'node'> {
  const [first] = results;
  if (first === undefined) throw new Error('an answer without a job');
  const finishReasons: DoneFrame['finishReason'][] = [];
  const usage = { inputTokens: 0, outputTokens: 0, cachedTokens: 0 };
  for (const { done } of results) {
    for (let choice = 0; choice < choices; choice++)
      finishReasons.push(done.finishReasons?.[choice] ?? done.finishReason);
    usage.inputTokens += done.usage.inputTokens;
    usage.outputTokens += done.usage.outputTokens;
    usage.cachedTokens += done.usage.cachedTokens ?? 0;
  }
  return { node: first.node, done: { ...first.done, finishReasons, usage } };
}
