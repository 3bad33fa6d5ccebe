import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { FileObject, FilePage, JobFileKept } from '../../shared/api/files.ts';
import type { Job } from '../../shared/api/jobs.ts';
import { Problem } from '../../shared/problems/problem.ts';
import type { JsonInput } from '../../shared/protocol/messages.ts';
import type { Runtime, RuntimeFiles, RuntimeJob, RuntimeResult } from '../../shared/runtimes/runtime.ts';
import { pretendedExecution, pretendedModel } from '../support/models/pretended-model.ts';
import { startPool } from '../support/pool.ts';
import { endOf, resultOf } from '../support/queued-jobs.ts';
import { createSyntheticRuntime } from '../support/runtimes/synthetic-runtime.ts';
import { until } from '../support/until.ts';

const pool = await startPool({ fileLimits: { leastFreeBytes: 0, mostFileBytes: 100_000, mostOutputs: 3 } });
after(() => pool.close());
const { relay, request } = pool;

type Work = (files: RuntimeFiles, job: RuntimeJob, signal: AbortSignal) => Promise<JsonInput>;
/** What the pretended program does with the next job. */
let work: Work = async () => ({});

function pretendedTool(): Runtime {
  const model = { ...pretendedModel('ffmpeg'), type: 'ffmpeg' as const };
  return {
    models: () => [model],
    onChange: () => undefined,
    run: async (job, _output, signal): Promise<RuntimeResult> => {
      if (job.type !== 'ffmpeg' || job.files === undefined) throw new Error('no job with files');
      const output = await work(job.files, job, signal);
      const usage = { inputTokens: 0, outputTokens: 0 };
      return { finishReason: 'stop', usage, execution: pretendedExecution('pretended'), output };
    },
    close: async () => undefined,
  };
}
for (const name of ['one', 'two']) await pool.addNode({ name, runtime: pretendedTool(), tools: { ffmpeg: true } });

async function upload(content: string): Promise<FileObject> {
  return (await (await request('/v1/files', { method: 'POST', body: content })).json()) as FileObject;
}

async function transcode(fileId: string) {
  const answer = await request('/v1/services/ffmpeg/transcode', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ file_id: fileId, container: 'wav' }),
  });
  return { status: answer.status, body: (await answer.json()) as { code?: string; output: { file: JobFileKept } } };
}

function ask({ token, path }: RuntimeFiles, below: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${relay.url}${path}${below}`, { ...init, headers: { authorization: `Bearer ${token}` } });
}

async function hand(files: RuntimeFiles, content: string, name = 'x.wav'): Promise<JobFileKept> {
  return (await (await ask(files, `?filename=${name}`, { method: 'POST', body: content })).json()) as JobFileKept;
}

async function outputsOfKey(): Promise<FileObject[]> {
  return ((await (await request('/v1/files?purpose=job_output')).json()) as FilePage).data;
}

function incoming(): string[] {
  return readdirSync(join(pool.dataFolder, 'files', 'incoming'));
}

test('[F1] a job with a file brings its node where it is, a token, and what it is', async () => {
  const file = await upload('the input');
  let seen: { files: RuntimeFiles; job: RuntimeJob } | undefined;
  work = async (files, job) => {
    seen = { files, job };
    return { file: await hand(files, 'the output'), media_type: 'audio/wav' };
  };
  const { status, body } = await transcode(file.id);
  assert.equal(status, 200, JSON.stringify(body));
  const { files, job } = seen ?? assert.fail();
  assert.deepEqual(files.inputs, [{ file_id: file.id, sha256: file.sha256, bytes: 9 }]);
  assert.equal(files.relayUrl, relay.url);
  assert.deepEqual(job.input, { file_id: file.id, container: 'wav', file_sha256: file.sha256 });
  assert.equal('service' in job && job.service, 'ffmpeg/transcode');
});

test('[F2] a node reads the inputs of its job and no other file', async () => {
  const [file, other] = [await upload('the input'), await upload('another')];
  const seen: unknown[] = [];
  work = async (files) => {
    seen.push(await (await ask(files, `/${file.id}`)).text());
    for (const wrong of [other.id, '..%2f..%2fsparewatt.sqlite', 'x'])
      seen.push((await ask(files, `/${wrong}`)).status);
    seen.push((await ask({ ...files, token: 'x'.repeat(43) }, `/${file.id}`)).status);
    seen.push((await fetch(`${relay.url}${files.path}/${file.id}`)).status);
    // Nor does the token open anything else of the relay.
    seen.push((await ask({ ...files, path: '/v1/files' }, '')).status);
    return { file: await hand(files, 'x'), media_type: 'audio/wav' };
  };
  assert.equal((await transcode(file.id)).status, 200);
  assert.deepEqual(seen, ['the input', 404, 404, 404, 401, 401, 401]);
});

test('[F3] what an attempt has made and its output names belongs to the key of the job, and nothing else does', async () => {
  const file = await upload('the input');
  work = async (files) => {
    await hand(files, 'forgotten');
    return { file: await hand(files, 'the output', '..%2Fmade.wav'), media_type: 'audio/wav' };
  };
  const before = (await outputsOfKey()).length;
  const { body } = await transcode(file.id);
  const [made, ...rest] = (await outputsOfKey()).slice(0, -before || undefined);
  assert.equal(rest.length, 0);
  assert.deepEqual([made?.id, made?.sha256, made?.bytes], Object.values(body.output.file));
  assert.deepEqual([made?.filename, made?.purpose], ['made.wav', 'job_output']);
  assert.match(made?.job_id ?? '', /^job_/);
  assert.equal(await (await request(`/v1/files/${made?.id}/content`)).text(), 'the output');
  assert.deepEqual(incoming(), []);
});

test('[F3] an output that names what its node did not hand over is refused', async () => {
  const [file, other] = [await upload('the input'), await upload('of somebody')];
  const before = (await outputsOfKey()).length;
  const lies: ((made: JobFileKept) => JsonInput)[] = [
    () => ({ file: { file_id: other.id, sha256: other.sha256, bytes: other.bytes }, media_type: 'x/y' }),
    (made) => ({ file: { ...made, sha256: 'a'.repeat(64) }, media_type: 'x/y' }),
    (made) => ({ file: { ...made, bytes: 1 }, media_type: 'x/y' }),
    (made) => ({ file: made }),
  ];
  for (const lie of lies) {
    work = async (files) => lie(await hand(files, 'the output'));
    const { status, body } = await transcode(file.id);
    assert.deepEqual([status, body.code], [502, 'node_fault']);
  }
  assert.equal((await outputsOfKey()).length, before);
  await until(() => incoming().length === 0);
});

test('a node may make no more and no larger files than the relay takes', async () => {
  const file = await upload('the input');
  const seen: number[] = [];
  work = async (files) => {
    seen.push((await ask(files, '', { method: 'POST', body: 'x'.repeat(100_001) })).status);
    const [made, ...more] = [await hand(files, '1'), await hand(files, '22'), await hand(files, '333')];
    seen.push(made.bytes, ...more.map(({ bytes }) => bytes));
    seen.push((await ask(files, '', { method: 'POST', body: '4' })).status);
    return { file: made, media_type: 'audio/wav' };
  };
  assert.equal((await transcode(file.id)).status, 200);
  assert.deepEqual(seen, [413, 1, 2, 3, 413]);
});

test('[F4] a token ends with its attempt, and what was handed over with it is gone when the attempt failed', async () => {
  const file = await upload('the input');
  const attempts: RuntimeFiles[] = [];
  const seen: number[] = [];
  work = async (files) => {
    const [earlier] = attempts;
    if (earlier !== undefined) seen.push((await ask(earlier, `/${file.id}`)).status);
    attempts.push(files);
    const made = await hand(files, 'the output');
    if (attempts.length === 1) throw new Problem('node_fault', 'The first node breaks.');
    return { file: made, media_type: 'audio/wav' };
  };
  const before = (await outputsOfKey()).length;
  assert.equal((await transcode(file.id)).status, 200);
  assert.deepEqual(seen, [401], 'the second node meets the first one’s token');
  assert.notEqual(attempts[0]?.token, attempts[1]?.token);
  for (const files of attempts) {
    assert.equal((await ask(files, `/${file.id}`)).status, 401);
    assert.equal((await ask(files, '', { method: 'POST', body: 'late' })).status, 401);
  }
  assert.equal((await outputsOfKey()).length, before + 1);
  assert.deepEqual(incoming(), []);
});

test('[F4] a token ends when the client cancels its job, also in the middle of a file', async () => {
  const file = await upload('the input');
  const sending = Promise.withResolvers<RuntimeFiles>();
  work = async (files, _job, signal) => {
    sending.resolve(files);
    return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  };
  const hangUp = new AbortController();
  const call = request('/v1/services/ffmpeg/transcode', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ file_id: file.id }),
    signal: hangUp.signal,
  });
  call.catch(() => undefined);
  const files = await sending.promise;
  const goOn = Promise.withResolvers<void>();
  async function* slowly() {
    yield Buffer.from('first');
    await goOn.promise;
    yield Buffer.from('second');
  }
  const handing = ask(files, '', { method: 'POST', body: slowly() as never, duplex: 'half' } as RequestInit);
  await until(() => incoming().length === 1);
  hangUp.abort();
  await until(async () => (await ask(files, `/${file.id}`)).status === 401);
  goOn.resolve();
  assert.equal((await handing).status, 401);
  await until(() => incoming().length === 0);
});

test('a file of another key, or of none, is no input', async () => {
  const file = await upload('mine');
  await request(`/v1/files/${file.id}`, { method: 'DELETE' });
  const { status, body } = await transcode(file.id);
  assert.deepEqual([status, body.code], [404, 'file_not_found']);
  const answer = await request('/v1/jobs', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ service: 'ffmpeg/transcode', input: { file_id: file.id } }),
  });
  const refusal = (await answer.json()) as { code: string; error: { param: string } };
  assert.deepEqual([answer.status, refusal.code, refusal.error.param], [404, 'file_not_found', 'input.file_id']);
});

test('a job that is submitted again is answered by what became of it, also when its files are gone', async () => {
  const file = await upload('read once');
  work = async (files) => ({ file: await hand(files, 'made once'), media_type: 'audio/wav' });
  const post = (input: object) =>
    request('/v1/jobs', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': 'files-1' },
      body: JSON.stringify({ service: 'ffmpeg/transcode', input }),
    });
  const input = { file_id: file.id, container: 'wav' };
  const { id } = (await (await post(input)).json()) as Job;
  assert.equal((await endOf(pool, id)).state, 'succeeded');
  const { result } = (await (await resultOf(pool, id)).json()) as { result: { file: JobFileKept } };
  for (const gone of [file.id, result.file.file_id]) await request(`/v1/files/${gone}`, { method: 'DELETE' });

  const again = await post(input);
  const job = (await again.json()) as Job;
  assert.deepEqual([again.status, again.headers.get('idempotency-replayed')], [202, 'true']);
  assert.deepEqual([job.id, job.state, again.headers.get('location')], [id, 'succeeded', `/v1/jobs/${id}`]);
  const content = await request(`/v1/files/${result.file.file_id}/content`);
  const refusal = (await content.json()) as { code: string; detail: string };
  assert.deepEqual([content.status, refusal.code], [404, 'file_not_found']);
  assert.match(refusal.detail, /have the job that made it done anew/);
  const other = await post({ ...input, container: 'mp3' });
  assert.deepEqual([other.status, ((await other.json()) as { code: string }).code], [422, 'idempotency_key_reused']);
});

test('a model that reads content is given that of an uploaded file', async () => {
  const runtime = createSyntheticRuntime({ 'test/whisper': 'stt' });
  await pool.addNode({
    name: 'ears',
    runtime: { ...runtime, models: () => [{ ...pretendedModel('test/whisper'), type: 'stt' }] },
  });
  const file = await upload('a recording');
  const answer = await request('/v1/jobs', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ service: 'whisper/transcribe', input: { file_id: file.id, model: 'test/whisper' } }),
  });
  assert.equal(answer.status, 202, await answer.clone().text());
  const call = await request('/v1/services/whisper/transcribe', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ file_id: file.id, model: 'test/whisper' }),
  });
  // The synthetic model answers with what it was asked, which is not what the service promises.
  const { jobs } = runtime;
  assert.equal(call.status, 502);
  assert.ok(jobs.some(({ model }) => model === 'test/whisper'));
});
