import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { JobType } from '../../shared/protocol/subjects.ts';
import type { Receipt } from '../../shared/receipts/receipt.ts';
import { readStream } from '../support/ask-pool.ts';
import { SCRIPTED_END } from '../support/nodes/scripted-node.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { joinNodes, type ScriptedNodes } from '../support/scripted-pool.ts';
import { until } from '../support/until.ts';

let pool: Pool;
before(async () => {
  pool = await startPool();
});
after(() => pool.close());

type Asked = { path: string; body: object | FormData };
type Output = Record<string, unknown>;
type Case = {
  readonly what: string;
  readonly type: JobType;
  asked(model: string): Asked;
  /** What a frame of the end holds; text for those that speak. */
  readonly bad: Output;
  readonly good: Output;
};

const SCHEMA = { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'], additionalProperties: false };
const MESSAGES = [{ role: 'user', content: 'x' }];
const SPOKEN = { text: 'hello', duration_s: 1 };
const HELD = { response_format: { type: 'json_schema', json_schema: { name: 'a', schema: SCHEMA } } };
const TOOL = { tools: [{ type: 'function', function: { name: 'f' } }], tool_choice: 'required' };

function recording(model: string): FormData {
  const form = new FormData();
  form.set('model', model);
  form.set('file', new Blob([new Uint8Array(64)]), 'a.wav');
  return form;
}

const CASES: readonly Case[] = [
  {
    what: 'a chat whose form was asked for',
    type: 'llm',
    asked: (model) => ({ path: '/v1/chat/completions', body: { model, messages: MESSAGES, ...HELD } }),
    bad: { text: '{"n":"one"}' },
    good: { text: '{"n":1}' },
  },
  {
    what: 'a picture',
    type: 'image',
    asked: (model) => ({ path: '/v1/images/generations', body: { model, prompt: 'x' } }),
    bad: { output: { image: 'AA==', media_type: 'text/html' } },
    good: { output: { image: 'AA==', media_type: 'image/png', width: 1, height: 1 } },
  },
  {
    what: 'speech',
    type: 'tts',
    asked: (model) => ({ path: '/v1/audio/speech', body: { model, input: 'x', voice: 'a' } }),
    bad: { output: { audio: 7 } },
    good: { output: { audio: 'AA==', media_type: 'audio/wav' } },
  },
  {
    what: 'a transcript',
    type: 'stt',
    asked: (model) => ({ path: '/v1/audio/transcriptions', body: recording(model) }),
    bad: { output: { ...SPOKEN, text: 7 } },
    good: { output: SPOKEN },
  },
  {
    what: 'a service',
    type: 'ocr',
    asked: (model) => ({ path: '/v1/services/ocr/read', body: { model, image: 'AA==' } }),
    bad: { output: { text: 7 } },
    good: { output: { text: 'read' } },
  },
  {
    what: 'a service that answers in words',
    type: 'llm',
    asked: (model) => ({ path: '/v1/services/gaming/moderate-chat', body: { model, message: 'x' } }),
    bad: { text: 'perhaps' },
    good: { text: '{"verdict":"fine"}' },
  },
];

async function ask({ path, body }: Asked): Promise<{ status: number; jobId: string; text: string }> {
  const isForm = body instanceof FormData;
  const headers: Record<string, string> = isForm ? {} : { 'content-type': 'application/json' };
  const response = await pool.request(path, { method: 'POST', headers, body: isForm ? body : JSON.stringify(body) });
  return {
    status: response.status,
    jobId: response.headers.get('x-sparewatt-job') ?? '',
    text: Buffer.from(await response.arrayBuffer()).toString(),
  };
}

type Job = { state: string; attempts: { nodeId: string; state: string; problem: { code: string } | null }[] };
const jobOf = async (id: string): Promise<Job> => (await (await pool.request(`/v1/jobs/${id}`)).json()) as Job;
const attemptsOf = ({ attempts }: Job) => attempts.map(({ nodeId, problem }) => [nodeId, problem?.code ?? null]);
const receiptStatus = async (id: string): Promise<number> => (await pool.request(`/v1/jobs/${id}/receipt`)).status;
/** Not to be waited for: whom the relay does not ask never answers. */
const answerWith = (nodes: ScriptedNodes, ends: readonly Output[]): void => {
  for (const [place, end] of ends.entries()) void nodes[place]?.jobs.next().then((job) => job.done(end));
};

for (const { what, type, asked, bad, good } of CASES) {
  test(`[R8] ${what} that is not what was asked for is tried on another node, whose answer counts`, async (t) => {
    const { model, nodes } = await joinNodes(t, pool, 2, { type });
    const answer = ask(asked(model));
    answerWith(nodes, [bad, good]);
    const { status, jobId, text } = await answer;
    assert.equal(status, 200, text);
    const job = await jobOf(jobId);
    assert.equal(job.state, 'succeeded');
    assert.deepEqual(attemptsOf(job), [
      [nodes[0].nodeId, 'node_fault'],
      [nodes[1].nodeId, null],
    ]);
  });

  test(`[R8] ${what} that is nowhere what was asked for has failed, without a receipt`, async (t) => {
    const { model, nodes } = await joinNodes(t, pool, 1, { type });
    const answer = ask(asked(model));
    answerWith(nodes, [bad]);
    const { status, jobId, text } = await answer;
    assert.equal(status, 502, text);
    assert.match(text, /"node_fault"/);
    const job = await jobOf(jobId);
    assert.deepEqual([job.state, attemptsOf(job)], ['failed', [[nodes[0].nodeId, 'node_fault']]]);
    assert.equal(await receiptStatus(jobId), 404);
  });
}

test('[R8] a call that had to be made and was not is asked of another node', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 2);
  const answer = ask({ path: '/v1/chat/completions', body: { model, messages: MESSAGES, ...TOOL } });
  (await nodes[0].jobs.next()).done({ text: 'I would rather not.' });
  void nodes[1].jobs.next().then((job) => {
    job.send({ type: 'tool_call', index: 0, name: 'f', arguments: '{}', tokens: 1 });
    job.done({ finishReason: 'tool_calls' });
  });
  const { status, text } = await answer;
  assert.equal(status, 200, text);
  assert.match(text, /"name":"f"/);
});

test('[R8] [S14] a stream that has not the form in the end ends with an error event, and nobody else is asked', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 2);
  const answer = ask({ path: '/v1/chat/completions', body: { model, messages: MESSAGES, ...HELD, stream: true } });
  const job = await nodes[0].jobs.next();
  job.text('{"n":');
  job.done({ text: '"one"}' });
  const { status, jobId, text } = await answer;
  assert.deepEqual(readStream(status, text), { status: 200, text: '{"n":"one"}', end: 'node_fault' });
  assert.equal(nodes[1].jobs.all.length, 0);
  assert.equal((await jobOf(jobId)).state, 'failed');
});

test('[S14] a stream that has the form ends as any other, also where it was cut into pieces', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 1);
  const answer = ask({ path: '/v1/chat/completions', body: { model, messages: MESSAGES, ...HELD, stream: true } });
  const job = await nodes[0].jobs.next();
  for (const piece of ['{"n', '":', '1']) job.text(piece);
  job.done({ text: '}' });
  const { status, text } = await answer;
  assert.deepEqual(readStream(status, text), { status: 200, text: '{"n":1}', end: '[DONE]' });
});

test('[R8] a job of the queue is tried elsewhere too, and its result is the better answer', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 2, { type: 'ocr' });
  const { text } = await ask({ path: '/v1/jobs', body: { service: 'ocr/read', input: { model, image: 'AA==' } } });
  const { id } = JSON.parse(text) as { id: string };
  answerWith(nodes, [{ output: { text: 7 } }, { output: { text: 'read' } }]);
  await until(async () => (await jobOf(id)).state === 'succeeded');
  const result = await (await pool.request(`/v1/jobs/${id}/result`)).text();
  assert.match(result, /"text":"read"/);
  assert.deepEqual(attemptsOf(await jobOf(id)), [
    [nodes[0].nodeId, 'node_fault'],
    [nodes[1].nodeId, null],
  ]);
});

test('[R9] of what a node claims to have read and made, only what can be is counted', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 1);
  const answer = ask({ path: '/v1/chat/completions', body: { model, messages: MESSAGES } });
  const claimed = { inputTokens: 1_000_000_000, outputTokens: 1_000_000_000 };
  (await nodes[0].jobs.next()).done({ text: 'four', usage: claimed });
  const { jobId, text } = await answer;
  const { usage } = JSON.parse(text) as { usage: { prompt_tokens: number; completion_tokens: number } };
  assert.ok(usage.prompt_tokens < 1_000 && usage.completion_tokens < 100, text);
  const job = (await jobOf(jobId)) as Job & { usage: { inputTokens: number; outputTokens: number } };
  assert.deepEqual(job.usage, { inputTokens: usage.prompt_tokens, outputTokens: usage.completion_tokens });
  const receipt = (await (await pool.request(`/v1/jobs/${jobId}/receipt`)).json()) as Receipt;
  assert.deepEqual(receipt.usage.reported, claimed);
});

test('[R9] of a stream that is given up, too', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 1);
  const answer = ask({ path: '/v1/chat/completions', body: { model, messages: MESSAGES, stream: true } });
  const job = await nodes[0].jobs.next();
  job.text('four', 1_000_000);
  job.fail('node_fault');
  const { jobId } = await answer;
  const { usage } = (await jobOf(jobId)) as Job & { usage: { outputTokens: number } };
  assert.ok(usage.outputTokens < 100, JSON.stringify(usage));
});

test('[R8] an output with a number that no double holds is no fault of the relay', async (t) => {
  const { model, nodes } = await joinNodes(t, pool, 1, { type: 'ocr' });
  const answer = ask({ path: '/v1/capability/ocr', body: { model, image: 'AA==' } });
  const job = await nodes[0].jobs.next();
  const { epoch } = job.request;
  const end = { type: 'done', text: '', ...SCRIPTED_END, output: { n: 'ENDLESS' }, epoch, seq: 0 };
  job.raw(JSON.stringify(end).replace('"ENDLESS"', '1e999'));
  const { status, text } = await answer;
  assert.equal(status, 502, text);
  assert.match(text, /"protocol_violation"/);
});
