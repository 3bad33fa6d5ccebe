/** Files of services that are too large for a message, on the way from their relay to a node (SPEC F6, F7). */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, type TestContext, test } from 'node:test';
import type { FileObject } from '../../shared/api/files.ts';
import type { JobFileGrant, JsonInput } from '../../shared/protocol/messages.ts';
import type { Runtime } from '../../shared/runtimes/runtime.ts';
import { assertError, readError } from '../support/error-answers.ts';
import { pretendedExecution, pretendedModel } from '../support/models/pretended-model.ts';
import { type PassOn, startRelayFront } from '../support/network/relay-front.ts';
import { joinMiner, named } from '../support/nodes/miner.ts';
import { joinScriptedNode } from '../support/nodes/scripted-node.ts';
import { startPool, startTestPool } from '../support/pool.ts';
import { endOf, jobOf, submit } from '../support/queued-jobs.ts';
import { createSyntheticRuntime } from '../support/runtimes/synthetic-runtime.ts';
import { until } from '../support/until.ts';

const EARS = 'test/whisper-behind-a-door';
const SERVICE = 'whisper/transcribe';
const CONTENT = new Uint8Array(7_000_000).fill(7);
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');

type Answer = (request: IncomingMessage, response: ServerResponse, pass: PassOn) => void;
/** How the door answers for files of jobs. */
let answerFile: Answer = (request, response, pass) => pass(request, response);
let fetches = 0;

const pool = await startPool({ jobLimits: { maxWaitMs: 200 } });
const front = await startRelayFront(pool.relay.url, (request, response, pass) => {
  const isFile = request.url?.startsWith('/v1/job-files/') === true;
  if (isFile) {
    fetches += 1;
    answerFile(request, response, pass);
  }
  return isFile;
});
const ears: Runtime = {
  ...createSyntheticRuntime(),
  models: () => [pretendedModel(EARS, 'stt')],
  run: async ({ input }) => ({
    finishReason: 'stop',
    usage: { inputTokens: 0, outputTokens: 1 },
    execution: pretendedExecution('test'),
    output: { text: digestOf((input as JsonInput).audio) },
  }),
};
await pool.addNode({ name: 'door', slots: 1, runtime: ears, relayUrl: front.url });
after(async () => {
  await pool.close();
  await front.close();
});
const { relay, request } = pool;

function digestOf(audio: unknown): string {
  return createHash('sha256')
    .update(Buffer.from(String(audio), 'base64'))
    .digest('hex');
}

async function upload(content = CONTENT): Promise<FileObject> {
  return (await (await request('/v1/files', { method: 'POST', body: content })).json()) as FileObject;
}

function call(input: object, init: RequestInit = {}): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return request(`/v1/services/${SERVICE}`, { method: 'POST', headers, body: JSON.stringify(input), ...init });
}

/** Lets the door answer so until the test ends. */
function answering(t: TestContext, answer: Answer): void {
  fetches = 0;
  answerFile = answer;
  t.after(() => {
    answerFile = (asking, response, pass) => pass(asking, response);
  });
}

/** A door that gives a beginning and then holds on, with what it was asked and when its line was cut. */
function holding(t: TestContext) {
  const asked = Promise.withResolvers<IncomingMessage>();
  const cut = Promise.withResolvers<void>();
  answering(t, (asking, response) => {
    response.on('close', () => cut.resolve());
    response.writeHead(200).write(CONTENT.subarray(0, 1_000));
    asked.resolve(asking);
  });
  const isOver = async (): Promise<boolean> => {
    const { url, headers } = await asked.promise;
    const { authorization = '' } = headers;
    return (await fetch(`${relay.url}${url}`, { headers: { authorization } })).status === 401;
  };
  return { asked: asked.promise, cut: cut.promise, isOver };
}

test('[F6] a node is given what a service’s file_id stands for, fetched from its own relay', async (t) => {
  answering(t, (asking, response, pass) => pass(asking, response));
  const { id } = await upload();
  const answer = await call({ file_id: id, model: EARS });
  const { output } = (await answer.json()) as { output: { text: string } };
  assert.deepEqual([answer.status, output?.text, fetches], [200, SHA256, 1]);
  const small = await upload(CONTENT.subarray(0, 1_000));
  assert.equal((await call({ file_id: small.id, model: EARS })).status, 200);
  assert.equal(fetches, 1, 'what fits into the message came in it');
});

test('[F6] a client that hangs up, and a job that is cancelled, end the fetching and its token', async (t) => {
  const { id } = await upload();
  const first = holding(t);
  const hangUp = new AbortController();
  const calling = call({ file_id: id, model: EARS }, { signal: hangUp.signal });
  calling.catch(() => undefined);
  await first.asked;
  assert.equal(await first.isOver(), false);
  hangUp.abort();
  await first.cut;
  await until(first.isOver);
  const second = holding(t);
  const job = await submit(pool, { service: SERVICE, model: EARS, input: { file_id: id } });
  await second.asked;
  await request(`/v1/jobs/${job.id}/cancel`, { method: 'POST' });
  await second.cut;
  await until(second.isOver);
  assert.equal((await endOf(pool, job.id)).state, 'cancelled');
});

test('[F7] a file that was deleted before it was read ends its job, and no other node is asked', async (t) => {
  // Contents are kept once for all that have them.
  const { id } = await upload(CONTENT.subarray(2));
  answering(t, async (asking, response, pass) => {
    await request(`/v1/files/${id}`, { method: 'DELETE' });
    pass(asking, response);
  });
  const refused = await call({ file_id: id, model: EARS });
  assertError(await readError(refused), { code: 'file_not_found', message: /deleted before.*Upload it again/ });
  assert.equal(fetches, 1);
});

test('a job of the queue whose file is deleted while it waits fails with the reason', async (t) => {
  const [blocking, deleted] = [await upload(), await upload(CONTENT.subarray(1))];
  const door = holding(t);
  const jobFor = ({ id }: FileObject) => submit(pool, { service: SERVICE, model: EARS, input: { file_id: id } });
  const first = await jobFor(blocking);
  await door.asked;
  const second = await jobFor(deleted);
  assert.equal((await jobOf(pool, second.id)).state, 'queued');
  await request(`/v1/files/${deleted.id}`, { method: 'DELETE' });
  await request(`/v1/jobs/${first.id}/cancel`, { method: 'POST' });
  const { state, problem } = await endOf(pool, second.id);
  assert.deepEqual([state, problem?.code], ['failed', 'file_not_found']);
  assert.match(problem?.detail ?? '', /Upload it again/);
});

test('[F6] content that is another is told, and a node follows its relay to no other address', async (t) => {
  const { id } = await upload();
  const elsewhere: string[] = [];
  const other = createServer(({ url = '' }, response) => {
    elsewhere.push(url);
    response.end(CONTENT);
  });
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  t.after(() => other.close());
  const location = `http://127.0.0.1:${(other.address() as AddressInfo).port}/x`;
  const wrong = CONTENT.slice().fill(8, 6_999_999);
  const answers: [Answer, RegExp][] = [
    [(_, response) => response.end(wrong), /not the one that the relay has named/],
    [(_, response) => response.writeHead(307, { location }).end(), /did not come whole/],
    [(_, response) => response.writeHead(404).end('no such page'), /status 404/],
  ];
  for (const [answer, message] of answers) {
    answering(t, answer);
    const refused = await call({ file_id: id, model: EARS });
    assertError(await readError(refused), { code: 'file_transfer_failed', message });
  }
  assert.deepEqual(elsewhere, []);
});

test('[F6] a node that does not say that it fetches gets small files in the message, and no large ones', async (t) => {
  const model = 'test/whisper-of-an-older-node';
  const older = await joinScriptedNode(t, relay, { models: [model], type: 'stt' });
  const { id } = await upload();
  const small = await upload(CONTENT.subarray(0, 1_000));
  const message = /fetch a file of this size now\. Send a smaller one/;
  const toIt = { routing: { only: [older.nodeId] } };
  for (const input of [{ model }, toIt, { model, ...toIt }]) {
    assertError(await readError(await call({ ...input, file_id: id })), { code: 'no_capacity', message });
  }
  const waiting = await submit(pool, { service: SERVICE, model, input: { file_id: id } });
  const calling = call({ model, file_id: small.id });
  const { request: job, done } = await older.jobs.next();
  assert.deepEqual(['files' in job, Object.keys(job.input).includes('file_id')], [false, false]);
  assert.equal((job.input as JsonInput).audio, Buffer.from(CONTENT.subarray(0, 1_000)).toString('base64'));
  done({ output: { text: 'heard' } });
  assert.equal((await calling).status, 200);
  assert.equal((await jobOf(pool, waiting.id)).state, 'queued');
  await request(`/v1/jobs/${waiting.id}/cancel`, { method: 'POST' });
});

test('[F6] a model that nobody named is one of a node that fetches', async (t) => {
  const own = await startTestPool(t);
  const model = 'test/whisper-of-an-older-node';
  const older = await joinScriptedNode(t, own.relay, { models: [model], type: 'stt', slots: 2 });
  await own.addNode({ runtime: ears });
  const put = async (content: Uint8Array<ArrayBuffer>): Promise<string> =>
    ((await (await own.request('/v1/files', { method: 'POST', body: content })).json()) as FileObject).id;
  const ask = async (content: Uint8Array<ArrayBuffer>) => {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ file_id: await put(content) });
    return own.request(`/v1/services/${SERVICE}`, { method: 'POST', headers, body });
  };
  const small = ask(CONTENT.subarray(0, 1_000));
  // It came first, and is as free as the other.
  (await older.jobs.next()).done({ output: { text: 'heard' } });
  assert.equal((await small).status, 200);
  const large = await ask(CONTENT);
  assert.equal(((await large.json()) as { model: string }).model, EARS);
});

test('[F6] a miner that says so gets large files, and fetches them with the token of its attempt', async (t) => {
  const name = 'mined/whisper';
  const document = { served_models: [{ name, type: 'stt' }], job_files: true };
  const miner = await joinMiner(t, relay, { more: { document } });
  const { id } = await upload();
  const calling = call({ model: name, file_id: id });
  const job = await miner.fetch();
  const { files } = job as { files: JobFileGrant };
  const held = { sha256: SHA256, bytes: CONTENT.length };
  assert.deepEqual((job.input as JsonInput).audio, held);
  assert.deepEqual(files.inputs, [{ file_id: id, ...held }]);
  const headers = { authorization: `Bearer ${files.token}` };
  const content = await (await fetch(`${relay.url}${files.path}/${id}`, { headers })).arrayBuffer();
  assert.equal(createHash('sha256').update(Buffer.from(content)).digest('hex'), SHA256);
  await miner.say('result', { ...named(job), output: { text: 'heard' } });
  assert.equal((await calling).status, 200);
});
