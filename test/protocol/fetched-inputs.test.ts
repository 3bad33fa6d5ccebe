/** Files of a job that a node puts into its input (SPEC F6). */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Value } from 'typebox/value';
import { fetchTrusting } from '../../main/headless/fetch-trusting.ts';
import { withFetchedFiles } from '../../shared/agent/fetch-inputs.ts';
import { LIMITS } from '../../shared/protocol/limits.ts';
import { JobFileGrant, type JsonInput } from '../../shared/protocol/messages.ts';
import type { Runtime, RuntimeJob } from '../../shared/runtimes/runtime.ts';
import { assertError, readError } from '../support/error-answers.ts';
import { pretendedExecution, pretendedModel } from '../support/models/pretended-model.ts';
import { newAuthority, serverIdentity } from '../support/network/tls.ts';
import { joinScriptedNode } from '../support/nodes/scripted-node.ts';
import { startPool } from '../support/pool.ts';
import { isProblem } from '../support/problems.ts';
import { NEVER } from '../support/runtimes/runtime-fixtures.ts';
import { createSyntheticRuntime } from '../support/runtimes/synthetic-runtime.ts';

const EARS = 'test/ears';
const CONTENT = Buffer.from('a recording of many bytes');
const TOKEN = 'token-of-one-attempt';
const digestOf = (content: Uint8Array) => createHash('sha256').update(content).digest('hex');
const HELD = { sha256: digestOf(CONTENT), bytes: CONTENT.length };
const crypto = { sha256Hex: (content: Uint8Array | string) => createHash('sha256').update(content).digest('hex') };

/** Longer than any machine keeps an answer on its way, for whatever is not about an answer that is late. */
const PATIENT_MS = 30_000;

/** Fetches from a relay that is played. */
async function fetchFrom(
  t: TestContext,
  answer: (response: ServerResponse) => void,
  input: JsonInput,
  { stallMs = PATIENT_MS, signal = NEVER, ...more }: { stallMs?: number; signal?: AbortSignal; bytes?: number } = {},
) {
  const asked: (string | undefined)[] = [];
  const server = createServer(({ url, headers }, response) => {
    asked.push(url, headers.authorization);
    answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const lent = { file_id: 'file_1', ...HELD, ...more };
  const files = { path: '/v1/job-files', token: TOKEN, inputs: [lent], mostOutputs: 1, mostOutputBytes: 1 };
  const relayUrl = `http://127.0.0.1:${port}`;
  const fetched = withFetchedFiles(input, { ...files, relayUrl }, signal, { fetch, crypto, stallMs });
  return { fetched, asked, port };
}

test('[F6] a member that stands for a file of the job gets its content, fetched with the token of the attempt', async (t) => {
  const input = { audio: HELD, language: 'de' };
  const { fetched, asked } = await fetchFrom(t, (response) => response.end(CONTENT), input);
  assert.deepEqual(await fetched, { audio: CONTENT.toString('base64'), language: 'de' });
  assert.deepEqual(asked, ['/v1/job-files/file_1', `Bearer ${TOKEN}`]);
});

test('[F6] [L5] a recording of megabytes comes from a relay with a certificate authority of its own', async (t) => {
  const authority = newAuthority(t);
  const recording = Buffer.alloc(3 * 1024 * 1024, 'r');
  const server = createSecureServer(serverIdentity(authority), (_request, response) => response.end(recording));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const held = { sha256: digestOf(recording), bytes: recording.length };
  const files = { path: '/v1/job-files', token: TOKEN, inputs: [{ file_id: 'file_1', ...held }], mostOutputs: 1 };
  const relayUrl = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const ports = { fetch: fetchTrusting(authority.certificate), crypto };
  const filled = await withFetchedFiles({ audio: held }, { ...files, mostOutputBytes: 1, relayUrl }, NEVER, ports);
  assert.equal(filled.audio, recording.toString('base64'));
});

test('[F6] nothing is fetched for what the relay has not lent', async (t) => {
  const other = digestOf(Buffer.from('other'));
  for (const audio of ['AAAA', null, { ...HELD, sha256: other }, { ...HELD, bytes: 1 }]) {
    const input = { audio };
    const { fetched, asked } = await fetchFrom(t, (response) => response.end(CONTENT), input);
    assert.equal(await fetched, input);
    assert.deepEqual(asked, []);
  }
});

test('[F6] content that is another, shorter, longer, refused or late is not given to the runtime', async (t) => {
  const other = Buffer.from(CONTENT);
  other[0] = 0;
  const answers: ((response: ServerResponse) => void)[] = [
    (response) => response.end(other),
    (response) => response.end(CONTENT.subarray(1)),
    (response) => response.end(Buffer.concat([CONTENT, CONTENT])),
    (response) => response.writeHead(401).end(),
    (response) => response.destroy(),
  ];
  const isFailed = isProblem('file_transfer_failed', /Try again/);
  for (const answer of answers) await assert.rejects((await fetchFrom(t, answer, { audio: HELD })).fetched, isFailed);
  const late = (response: ServerResponse) => response.writeHead(200).write(CONTENT.subarray(0, 3));
  await assert.rejects((await fetchFrom(t, late, { audio: HELD }, { stallMs: 200 })).fetched, isFailed);
});

test('[F6] a file that is gone is told so by the relay alone, and nothing else that it says is that', async (t) => {
  const said = async (status: number, type: string): Promise<unknown> => {
    const answer = (response: ServerResponse) => response.writeHead(status, { 'content-type': type }).end('{}');
    const { fetched } = await fetchFrom(t, answer, { audio: HELD });
    return fetched.catch(({ code }: { code: string }) => code);
  };
  assert.equal(await said(404, 'application/problem+json'), 'file_not_found');
  assert.equal(await said(404, 'text/html'), 'file_transfer_failed');
  assert.equal(await said(401, 'application/problem+json'), 'file_transfer_failed');
});

test('[F6] a job that ends while its file is fetched ends with its own reason', async (t) => {
  const cancel = new AbortController();
  const reason = new Error('the client has gone');
  const answer = (response: ServerResponse): void => {
    response.writeHead(200).write(CONTENT.subarray(0, 3));
    cancel.abort(reason);
  };
  await assert.rejects((await fetchFrom(t, answer, { audio: HELD }, { signal: cancel.signal })).fetched, reason);
});

test('[F6] a node is not sent to another address', async (t) => {
  const elsewhere = await fetchFrom(t, (response) => response.end(CONTENT), {});
  const { port } = elsewhere;
  const location = `http://127.0.0.1:${port}/v1/job-files/file_1`;
  const { fetched } = await fetchFrom(t, (response) => response.writeHead(307, { location }).end(), { audio: HELD });
  await assert.rejects(fetched, isProblem('file_transfer_failed', /Try again/));
  assert.deepEqual(elsewhere.asked, []);
});

test('[F1] the place of files is a path of the relay and names no other host', () => {
  const grant = { token: TOKEN, inputs: [], mostOutputs: 0, mostOutputBytes: 0 };
  const isGrant = (path: string): boolean => Value.Check(JobFileGrant, { ...grant, path });
  assert.deepEqual(['/v1/job-files', '/a'].map(isGrant), [true, true]);
  assert.deepEqual(
    ['//router/x', '/', '/v1//x', '/v1/', 'v1', 'http://router/x', '/..'].map(isGrant),
    Array(7).fill(false),
  );
});

test('[F6] a node holds no more for a job than the limit', async (t) => {
  const bytes = LIMITS.maxRecordingBytes + 1;
  const { fetched, asked } = await fetchFrom(t, (response) => response.end(), { audio: { ...HELD, bytes } }, { bytes });
  await assert.rejects(fetched, isProblem('file_too_large', /26214400/));
  assert.deepEqual(asked, []);
  const most = { bytes: LIMITS.maxRecordingBytes };
  const held = await fetchFrom(t, (response) => response.end(), { audio: { ...HELD, ...most } }, most);
  await assert.rejects(held.fetched, isProblem('file_transfer_failed', /less than/), 'which it may have');
});

test('[F6] a recording that has to be fetched goes to no node that does not say that it can', async (t) => {
  const pool = await startPool({ jobLimits: { maxWaitMs: 50 } });
  t.after(() => pool.close());
  const node = await joinScriptedNode(t, pool.relay, { models: [EARS], type: 'stt' });
  const ask = (bytes: number): Promise<Response> => {
    const form = new FormData();
    form.append('file', new Blob([new Uint8Array(bytes)]), 'speech.wav');
    form.append('model', EARS);
    return pool.request('/v1/audio/transcriptions', { method: 'POST', body: form });
  };
  const large = await ask(7_000_000);
  assert.equal(large.status, 503);
  assertError(await readError(large), { code: 'no_capacity', message: /fetch a file of this size/ });
  const small = ask(1_000);
  const { request, done } = await node.jobs.next();
  assert.deepEqual([request.type, 'files' in request], ['stt', false]);
  done({ output: { text: 'one', duration_s: 1 } });
  assert.equal((await small).status, 200);
});

test('[F6] a node that says so gets it, and its runtime the content alone', async (t) => {
  const pool = await startPool();
  t.after(() => pool.close());
  const asked = Promise.withResolvers<RuntimeJob>();
  const ears = { ...createSyntheticRuntime(), models: () => [pretendedModel(EARS, 'stt')] };
  const run: Runtime['run'] = async (job) => {
    asked.resolve(job);
    const usage = { inputTokens: 0, outputTokens: 1 };
    return { finishReason: 'stop', usage, execution: pretendedExecution('test'), output: { text: 'a', duration_s: 1 } };
  };
  const { agent } = await pool.addNode({ runtime: { ...ears, run } });
  assert.equal((await agent.capabilities()).capabilities.job_files, true);
  const content = new Uint8Array(7_000_000).fill(7);
  const form = new FormData();
  form.append('model', EARS);
  form.append('file', new Blob([content]), 'speech.wav');
  const answer = await pool.request('/v1/audio/transcriptions', { method: 'POST', body: form });
  assert.equal(answer.status, 200);
  const job = await asked.promise;
  const { audio } = job.input as JsonInput;
  assert.ok(Buffer.from(String(audio), 'base64').equals(content));
  assert.equal('files' in job, false, 'a runtime has no business with the token');
});
