import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobResult } from '../../../../relay/jobs/run-job.ts';
import type { AnswerStream } from '../../../../relay/routes/openai/answer-stream.ts';
import { type Caller, type Run, streamRun } from '../../../../relay/routes/openai/stream-answer.ts';
import type { RelayServices } from '../../../../relay/services.ts';

/** What was written, in order. */
function listeningStream(): { stream: AnswerStream; written: string[] } {
  const written: string[] = [];
  let begun = false;
  const stream: AnswerStream = {
    hasBegun: () => begun,
    begin: () => {
      begun = true;
      written.push('begin');
    },
    comment: (line) => written.push(line),
    text: (text) => written.push(text),
    toolCall: () => undefined,
    end: () => written.push('end'),
    fail: ({ code }) => written.push(code),
  };
  return { stream, written };
}

const CALLER = {
  reply: { request: { id: 'req_1' } },
  headers: {},
  hangUp: { controller: new AbortController(), stop: () => undefined },
} as unknown as Caller;
const SERVICES = { scheduler: { waiting: () => 7 } } as unknown as RelayServices;
const RESULT = { node: { id: 'attic' }, done: {} } as unknown as JobResult;

test('a stream that is silent is kept open: while it waits for a node, while its prompt is read, and between words', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { stream, written } = listeningStream();
  const ended = Promise.withResolvers<JobResult>();
  let sink: Parameters<Run>[0] = {};
  const run: Run = (given) => {
    sink = given;
    return ended.promise;
  };
  const answered = streamRun(run, stream, CALLER, SERVICES);
  const pass = (ms: number): string[] => {
    t.mock.timers.tick(ms);
    return written.splice(0);
  };
  assert.deepEqual(pass(4_999), []);
  assert.deepEqual(pass(1), ['begin', 'queued 7']);
  sink.accepted?.(RESULT.node);
  for (const _ of [1, 2]) assert.deepEqual(pass(5_000), ['working']);
  sink.text?.('Hello', 1);
  assert.deepEqual(pass(5_000), ['Hello'], 'what speaks need not say so');
  assert.deepEqual(pass(5_000), ['working']);
  ended.resolve(RESULT);
  await answered;
  assert.deepEqual(pass(60_000), ['end']);
});
