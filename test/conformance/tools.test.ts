import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { toFile } from 'openai';
import { createNodeTls } from '../../main/headless/node-tls.ts';
import { openNativeTools } from '../../main/headless/tools/native-tools.ts';
import { withTools } from '../../main/headless/tools/with-tools.ts';
import type { FileObject, JobFileKept } from '../../shared/api/files.ts';
import { parseInvitation } from '../../shared/identity/pairing-link.ts';
import type { ToolType } from '../../shared/protocol/subjects.ts';
import { requestBytes } from '../../shared/receipts/hashed-content.ts';
import type { Receipt } from '../../shared/receipts/receipt.ts';
import { whyNoTool } from '../support/native-tools.ts';
import { needsLan, startTlsRelay } from '../support/network/tls-relay.ts';
import { startRemoteAgent } from '../support/pairing.ts';
import { type Pool, silentLog, startTestPool } from '../support/pool.ts';
import { createSyntheticRuntime } from '../support/runtimes/synthetic-runtime.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

const skip = await whyNoTool('ffmpeg', ['ffmpeg', 'bubblewrap']);

// Debian's package is 81 MB to fetch and 351 MB on the disk: what a machine has is used, nothing is installed.
const noBlender = await whyNoTool('blender', []);
const skipBlender = noBlender && `${noBlender} (81 MB to fetch: apt-get install blender bubblewrap runs this test)`;

async function startToolPool(t: TestContext, tool: ToolType = 'ffmpeg'): Promise<{ pool: Pool; folder: string }> {
  const pool = await startTestPool(t, { fileLimits: { leastFreeBytes: 0 } });
  const folder = temporaryFolder(t);
  const tools = await openNativeTools({ allowed: [tool], log: silentLog as never, folder });
  await pool.addNode({
    runtime: withTools(createSyntheticRuntime(), tools),
    tools: { [tool]: true },
    memoryBytes: 4 * 2 ** 30,
  });
  return { pool, folder };
}

function video(t: TestContext): Buffer {
  const path = join(temporaryFolder(t), 'clip.mkv');
  const sources = ['-f', 'lavfi', '-i', 'testsrc=d=2:s=320x240:r=10', '-f', 'lavfi', '-i', 'sine=d=2'];
  execFileSync('ffmpeg', ['-loglevel', 'error', ...sources, path]);
  return readFileSync(path);
}

async function post(pool: Pool, path: string, body: object): Promise<{ status: number; body: Record<string, never> }> {
  const headers = { 'content-type': 'application/json' };
  const answer = await pool.request(path, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: answer.status, body: (await answer.json()) as Record<string, never> };
}

async function get<Answer>(pool: Pool, path: string): Promise<Answer> {
  return (await (await pool.request(path)).json()) as Answer;
}

/** What ffprobe says of a file of the key. */
async function probe(t: TestContext, pool: Pool, { file_id, sha256, bytes }: JobFileKept) {
  const content = Buffer.from(await (await pool.client().files.content(file_id)).arrayBuffer());
  assert.equal(content.length, bytes);
  assert.equal(createHash('sha256').update(content).digest('hex'), sha256);
  const path = join(temporaryFolder(t), 'result');
  (await import('node:fs')).writeFileSync(path, content);
  const options = ['-v', 'error', '-show_format', '-show_streams', '-of', 'json', path];
  return JSON.parse(execFileSync('ffprobe', options).toString()) as {
    format: { format_name: string };
    streams: { codec_name: string; width?: number; height?: number }[];
  };
}

test('a video that was uploaded with the official client comes back smaller, at once', { skip }, async (t) => {
  const { pool, folder } = await startToolPool(t);
  const content = video(t);
  const file = await pool.client().files.create({ file: await toFile(content, '-i clip.mkv'), purpose: 'user_data' });
  const asked = { file_id: file.id, container: 'mp4', video_codec: 'h264', width: 160 };
  const { status, body } = await post(pool, '/v1/services/ffmpeg/transcode', asked);
  assert.equal(status, 200, JSON.stringify(body));
  const output = body.output as unknown as { file: JobFileKept; media_type: string; duration_s: number };
  assert.equal(output.media_type, 'video/mp4');
  assert.ok(Math.abs(output.duration_s - 2) < 0.2, String(output.duration_s));
  const { format, streams } = await probe(t, pool, output.file);
  assert.match(format.format_name, /mp4/);
  assert.deepEqual(
    streams.map(({ codec_name }) => codec_name),
    ['h264', 'aac'],
  );
  assert.deepEqual([streams[0]?.width, streams[0]?.height], [160, 120]);
  assert.deepEqual(readdirSync(folder), []);
  const made = await get<FileObject>(pool, `/v1/files/${output.file.file_id}`);
  assert.deepEqual([made.job_id, made.filename], [body.job_id, 'result.mp4']);
  // The receipt covers which content was read: its digest is a part of what was asked.
  await until(async () => (await pool.request(`/v1/jobs/${body.job_id}/receipt`)).status === 200);
  const receipt = await get<Receipt>(pool, `/v1/jobs/${body.job_id}/receipt`);
  const input = { ...asked, file_sha256: createHash('sha256').update(content).digest('hex') };
  const bytes = requestBytes({ type: 'ffmpeg', model: 'ffmpeg', input });
  assert.equal(receipt.requestHash, createHash('sha256').update(bytes).digest('hex'));
  assert.equal(receipt.signatures.verdict, 'sound');
  assert.deepEqual([receipt.service, receipt.execution.runtime], ['ffmpeg/transcode', 'ffmpeg']);
});

test('a job of the queue does the same later, and its file lives as long as it does', { skip }, async (t) => {
  const { pool } = await startToolPool(t);
  const upload = await pool.request('/v1/files?expires_after_s=60', { method: 'POST', body: new Uint8Array(video(t)) });
  const file = (await upload.json()) as FileObject;
  const input = { file_id: file.id, codec: 'opus' };
  const { status, body } = await post(pool, '/v1/jobs', { service: 'ffmpeg/extract-audio', input });
  assert.equal(status, 202, JSON.stringify(body));
  const prolonged = await get<FileObject>(pool, `/v1/files/${file.id}`);
  assert.ok(prolonged.expires_at > file.expires_at + 3_600);
  await until(async () => (await get<{ state: string }>(pool, `/v1/jobs/${body.id}`)).state === 'succeeded');
  const { result } = await get<{ result: { file: JobFileKept } }>(pool, `/v1/jobs/${body.id}/result`);
  const { streams } = await probe(t, pool, result.file);
  assert.deepEqual(
    streams.map(({ codec_name }) => codec_name),
    ['opus'],
  );
});

test('what ffmpeg cannot read ends as the fault of the file, in its words, and leaves nothing', { skip }, async (t) => {
  const { pool, folder } = await startToolPool(t);
  const inline = Buffer.from('#EXTM3U\nfile:/etc/passwd\n').toString('base64');
  const { status, body } = await post(pool, '/v1/services/ffmpeg/transcode', { file: inline, container: 'mp4' });
  assert.deepEqual([status, body.code], [422, 'tool_failed']);
  assert.match(String(body.detail), /ffmpeg could not do this with this file: \S/);
  assert.deepEqual(readdirSync(folder), []);
  assert.deepEqual(readdirSync(join(pool.dataFolder, 'files', 'incoming')), []);
});

test('a node says which programs its owner lets be used, and the pool counts on it', { skip }, async (t) => {
  const { pool } = await startToolPool(t);
  const views = await get<{ available: { nodes: number } }>(pool, '/v1/registry/services/ffmpeg/transcode');
  assert.equal(views.available.nodes, 1);
  const blender = await post(pool, '/v1/services/blender/render', { scene: 'AAAA' });
  assert.deepEqual([blender.status, blender.body.code], [503, 'no_capacity']);
  assert.match(String(blender.body.detail), /"blender"/);
  const url = await post(pool, '/v1/services/ffmpeg/transcode', { url: 'http://127.0.0.1/' });
  assert.deepEqual([url.status, url.body.code], [400, 'invalid_value']);
});

test('Blender renders a frame of a scene', { skip: skipBlender }, async (t) => {
  const { pool } = await startToolPool(t, 'blender');
  const scene = join(temporaryFolder(t), 'scene.blend');
  const save = `import bpy; bpy.ops.wm.save_as_mainfile(filepath=${JSON.stringify(scene)})`;
  execFileSync('blender', ['--background', '--factory-startup', '--python-expr', save], { stdio: 'ignore' });
  const asked = { engine: 'cycles', samples: 1, width: 32, height: 32, format: 'png' };
  const { status, body } = await post(pool, '/v1/services/blender/render', {
    ...asked,
    scene: readFileSync(scene).toString('base64'),
  });
  assert.equal(status, 200, JSON.stringify(body));
  const { frames } = body.output as unknown as { frames: JobFileKept[] };
  const content = Buffer.from(await (await pool.client().files.content(frames[0]?.file_id ?? '')).arrayBuffer());
  assert.deepEqual([frames.length, content.subarray(1, 4).toString(), content.readUInt32BE(16)], [1, 'PNG', 32]);
});

test('a relay that speaks TLS by its own authority lends files to its nodes alike', {
  skip: skip ?? needsLan.skip,
}, async (t) => {
  const { pool, url, fetch, makeCode } = await startTlsRelay(t);
  const { link } = await makeCode();
  const tools = await openNativeTools({ allowed: ['ffmpeg'], log: silentLog as never, folder: temporaryFolder(t) });
  const runtime = withTools(createSyntheticRuntime(), tools);
  const identity = { tls: createNodeTls(), invitation: parseInvitation(link), fetch: globalThis.fetch };
  await startRemoteAgent(t, url, { ...identity, runtime, tools: { ffmpeg: true } }).ready;
  const headers = { authorization: `Bearer ${pool.relay.apiKey}`, 'content-type': 'video/x-matroska' };
  const upload = await fetch(`${url}/v1/files`, { method: 'POST', headers, body: new Uint8Array(video(t)) });
  const { id } = (await upload.json()) as FileObject;
  const answer = await fetch(`${url}/v1/services/ffmpeg/thumbnail`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ file_id: id, format: 'png' }),
  });
  const body = (await answer.json()) as { output: { file: JobFileKept } };
  assert.equal(answer.status, 200, JSON.stringify(body));
  const content = await fetch(`${url}/v1/files/${body.output.file.file_id}/content`, { headers });
  assert.equal(
    Buffer.from(await content.arrayBuffer())
      .subarray(1, 4)
      .toString(),
    'PNG',
  );
});
