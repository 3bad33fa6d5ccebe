import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type NativeToolsOptions, openNativeTools } from '../../../../main/headless/tools/native-tools.ts';
import { findSandbox } from '../../../../main/headless/tools/sandbox.ts';
import type { JsonInput } from '../../../../shared/protocol/messages.ts';
import { afterTest } from '../../../support/after-test.ts';
import { whyNoTool } from '../../../support/native-tools.ts';
import { silentLog } from '../../../support/pool.ts';
import { isProblem } from '../../../support/problems.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { until } from '../../../support/until.ts';

const skip = await whyNoTool('ffmpeg', ['ffmpeg', 'bubblewrap']);
const PATH = process.env.PATH ?? '';

type Lent = { url: string; handed: { name: string; content: Buffer }[]; files: Map<string, Buffer> };

/** What a relay does for the files of one job, and what it may be made to do wrong. */
async function lend(t: TestContext, wrong: (content: Buffer) => Buffer = (content) => content): Promise<Lent> {
  const lent: Lent = { url: '', handed: [], files: new Map() };
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '', 'http://x');
    if (request.headers.authorization !== 'Bearer token-of-the-job') return void response.writeHead(401).end('{}');
    if (request.method === 'GET')
      return void response.end(wrong(lent.files.get(url.pathname.slice(3)) ?? Buffer.alloc(0)));
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const content = Buffer.concat(chunks);
    lent.handed.push({ name: url.searchParams.get('filename') ?? '', content });
    response.end(
      JSON.stringify({ file_id: `made_${lent.handed.length}`, sha256: sha256(content), bytes: content.length }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterTest(t, () => new Promise((resolve) => server.close(resolve)));
  lent.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return lent;
}

function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

async function openTools(t: TestContext, more: Partial<NativeToolsOptions> = {}) {
  const folder = temporaryFolder(t);
  const tools = await openNativeTools({ allowed: ['ffmpeg'], log: silentLog as never, folder, ...more });
  afterTest(t, () => tools.close());
  const run = async (lent: Lent, content: Buffer, input: JsonInput, signal = new AbortController().signal) => {
    lent.files.set('file_1', content);
    const ref = { file_id: 'file_1', sha256: sha256(content), bytes: content.length };
    const files = {
      path: '/f',
      token: 'token-of-the-job',
      inputs: [ref],
      mostOutputs: 10,
      mostOutputBytes: 1e9,
      relayUrl: lent.url,
    };
    const { service = 'ffmpeg/transcode', ...asked } = input as { service?: string };
    const job = {
      type: 'ffmpeg' as const,
      model: 'ffmpeg',
      service,
      input: { file_id: 'file_1', file_sha256: ref.sha256, ...asked },
      files,
    };
    try {
      return await tools.run(job, signal);
    } finally {
      assert.deepEqual(readdirSync(folder), [], 'the folder of the job is gone');
    }
  };
  return { tools, run, folder };
}

/** A file that ffmpeg itself makes of noise. */
function made(t: TestContext, ...args: string[]): Buffer {
  const path = join(temporaryFolder(t), 'made');
  execFileSync('ffmpeg', ['-loglevel', 'error', ...args, path]);
  return readFileSync(path);
}

const tone = (t: TestContext) => made(t, '-f', 'lavfi', '-i', 'sine=d=1', '-f', 'wav');
const clip = (t: TestContext) =>
  made(t, '-f', 'lavfi', '-i', 'testsrc=d=1:s=320x240:r=10', '-f', 'lavfi', '-i', 'sine=d=1', '-f', 'matroska');

/** A program of this name that does what a shell script says, in a folder that is the only one of the path. */
function pretend(t: TestContext, script: string): string {
  const folder = join(temporaryFolder(t), 'bin');
  mkdirSync(folder);
  const body = `#!/bin/sh\nif [ "$1" = "-version" ]; then echo "ffmpeg version 0-pretended"; exit 0; fi\n${script}\n`;
  writeFileSync(join(folder, 'ffmpeg'), body);
  chmodSync(join(folder, 'ffmpeg'), 0o755);
  return `${folder}:${PATH}`;
}

test('a recording is transcoded in the sandbox, and the receipt can say by what', { skip }, async (t) => {
  const { tools, run } = await openTools(t);
  const [served] = tools.models();
  assert.deepEqual([served?.name, served?.type, served?.device], ['ffmpeg', 'ffmpeg', 'cpu']);
  const lent = await lend(t);
  const { output, execution } = await run(lent, tone(t), { container: 'flac' });
  assert.equal(lent.handed[0]?.name, 'result.flac');
  assert.equal(lent.handed[0]?.content.subarray(0, 4).toString(), 'fLaC');
  const [content] = lent.handed.map((file) => file.content);
  assert.deepEqual(output, {
    file: { file_id: 'made_1', sha256: sha256(content ?? Buffer.alloc(0)), bytes: content?.length },
    media_type: 'audio/flac',
    duration_s: 1,
  });
  assert.deepEqual([execution.runtime, execution.revision], ['ffmpeg', served?.revision]);
});

test('a video becomes smaller, its sound is taken out and a still is made of it', { skip }, async (t) => {
  const { run } = await openTools(t);
  const lent = await lend(t);
  const video = clip(t);
  await run(lent, video, { container: 'mp4', width: 160, video_codec: 'h264' });
  await run(lent, video, { service: 'ffmpeg/extract-audio', codec: 'opus' });
  await run(lent, video, { service: 'ffmpeg/thumbnail', format: 'png', at_s: 0.5, width: 64 });
  const [mp4, ogg, png] = lent.handed.map(({ content }) => content);
  assert.equal(mp4?.subarray(4, 8).toString(), 'ftyp');
  assert.equal(ogg?.subarray(0, 4).toString(), 'OggS');
  assert.deepEqual([png?.readUInt32BE(16), png?.readUInt32BE(20)], [64, 48]);
});

test('playlists and lists of files, which would have ffmpeg open others, are no input', { skip }, async (t) => {
  const { run } = await openTools(t);
  const lent = await lend(t);
  const hostile = [
    '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:/etc/passwd\n#EXT-X-ENDLIST\n',
    `#EXTM3U\n#EXTINF:1,\n${lent.url}/x.ts\n#EXT-X-ENDLIST\n`,
    "ffconcat version 1.0\nfile '/etc/passwd'\n",
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>file:///etc/passwd</BaseURL></MPD>',
    'v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5000 RTP/AVP 96\n',
    '-i /etc/passwd',
  ];
  for (const text of hostile) {
    await assert.rejects(
      run(lent, Buffer.from(text), { container: 'mkv' }),
      isProblem('tool_failed', /ffmpeg could not/),
      text,
    );
  }
  assert.deepEqual(lent.handed, []);
});

test('a picture that claims to be huge is refused before its pixels are made', { skip }, async (t) => {
  const { run } = await openTools(t);
  const png = made(t, '-f', 'lavfi', '-i', 'color=s=16x16', '-frames:v', '1', '-f', 'image2', '-c:v', 'png');
  png.writeUInt32BE(60_000, 16);
  png.writeUInt32BE(60_000, 20);
  const { crc32 } = await import('node:zlib');
  png.writeUInt32BE(crc32(png.subarray(12, 29)), 29);
  await assert.rejects(
    run(await lend(t), png, { service: 'ffmpeg/thumbnail' }),
    isProblem('tool_failed', /ffmpeg could not/),
  );
});

test('a program writes no more than it may', { skip }, async (t) => {
  const { run } = await openTools(t, { limits: { outputBytes: 20_000 } });
  await assert.rejects(run(await lend(t), tone(t), { container: 'wav' }), isProblem('result_too_large', /20000 bytes/));
});

test('many small files are more than a program may write too', { skip }, async (t) => {
  const script = 'i=0; while :; do head -c 9000 /dev/zero > out/$i; i=$((i+1)); sleep 0.01; done';
  const { run } = await openTools(t, { limits: { outputBytes: 50_000 }, path: pretend(t, script) });
  await assert.rejects(run(await lend(t), tone(t), { container: 'wav' }), isProblem('result_too_large', /50000 bytes/));
});

test('a program can fill the machine’s memory with no files, and still writes where it should', { skip }, async (t) => {
  const places = ['/', '/dev', '/dev/shm', '/work', '/etc', '/usr', 'in'].map((place) => `${place}/filled`);
  const script = [
    `for place in ${places.join(' ')}; do head -c 9 /dev/zero > $place && echo "$place"; done > out/result.wav 2>/dev/null`,
    'echo x > /tmp/x && echo x > out/x && echo x > /dev/null && echo as-it-should >> out/result.wav',
  ].join('\n');
  const { run } = await openTools(t, { path: pretend(t, script) });
  const lent = await lend(t);
  await run(lent, tone(t), { container: 'wav' });
  assert.equal(lent.handed[0]?.content.toString(), 'as-it-should\n');
});

test('a program has only the memory that it may', { skip }, async (t) => {
  const { run } = await openTools(t, { limits: { memoryBytes: 768 * 2 ** 20 } });
  const asked = { container: 'mp4', width: 7_680, height: 4_320 };
  await assert.rejects(run(await lend(t), clip(t), asked), isProblem('tool_failed', /ffmpeg could not/));
});

test('many processes have no more memory together than one may', { skip }, async (t) => {
  const script = [
    'for n in 1 2 3 4 5 6; do (head -c 100000000 /dev/zero | tail -c 100000000 | sleep 30) & done',
    'setsid sh -c "head -c 100000000 /dev/zero | tail -c 100000000 | sleep 30" & wait; echo x > out/result.wav',
  ].join('\n');
  const { run } = await openTools(t, { limits: { memoryBytes: 300 * 2 ** 20 }, path: pretend(t, script) });
  const asked = run(await lend(t), tone(t), { container: 'wav' });
  await assert.rejects(asked, isProblem('tool_failed', /needs more than 314572800 bytes of memory/));
});

test('a program that hangs is ended with all it has started, by its time or by a cancel', { skip }, async (t) => {
  const script = 'sleep 98765 & setsid sleep 98765 & echo started > out/started; sleep 98765';
  const path = pretend(t, script);
  const isSleeping = (): boolean => {
    const processes = execFileSync('ps', ['-axo', 'args=']).toString();
    return processes.split('\n').some((line) => line === 'sleep 98765');
  };
  const lent = await lend(t);
  const short = await openTools(t, { limits: { timeMs: 300 }, path });
  await assert.rejects(short.run(lent, tone(t), { container: 'wav' }), isProblem('job_timeout', /300 ms/));
  assert.equal(isSleeping(), false);
  const { run, tools } = await openTools(t, { path });
  const cancel = new AbortController();
  const cancelled = run(lent, tone(t), { container: 'wav' }, cancel.signal);
  cancelled.catch(() => undefined);
  await until(isSleeping);
  cancel.abort(new Error('the client has cancelled'));
  await assert.rejects(cancelled, /the client has cancelled/);
  assert.equal(isSleeping(), false);
  const closed = run(lent, tone(t), { container: 'wav' });
  closed.catch(() => undefined);
  await until(isSleeping);
  await tools.close();
  await assert.rejects(closed, isProblem('cancelled', /stopping/));
  assert.equal(isSleeping(), false);
});

test('a program sees no network, none of its owner’s files and no other process', { skip }, async (t) => {
  const lent = await lend(t);
  const { port } = new URL(lent.url);
  const secret = join(temporaryFolder(t), 'secret');
  writeFileSync(secret, 'of the owner');
  const script = [
    'exec > out/result.wav 2>&1',
    `cat ${secret}`,
    'cat /etc/passwd; ls /root /home; ls /proc | grep -E "^[0-9]+$" | wc -l',
    `(echo > /dev/tcp/127.0.0.1/${port}) && echo connected`,
    `bash -c '(echo > /dev/tcp/127.0.0.1/${port}) && echo connected'`,
    'echo x > in/input && echo wrote-input; echo x > /usr/x && echo wrote-usr; env',
  ].join('\n');
  const { run } = await openTools(t, { path: pretend(t, script) });
  process.env.SPAREWATT_TEST_SECRET = 'of the environment';
  afterTest(t, () => delete process.env.SPAREWATT_TEST_SECRET);
  await run(lent, tone(t), { container: 'wav' });
  const said = lent.handed[0]?.content.toString() ?? '';
  for (const leaked of ['of the owner', 'root:', 'connected', 'wrote-', 'of the environment']) {
    assert.ok(!said.includes(leaked), `${leaked}: ${said}`);
  }
  assert.match(said, /^[1-9]$/m, 'its own processes alone');
  assert.match(said, /^PATH=\/usr\/bin:\/bin$/m);
});

test('links, devices and names that were not asked for are handed over to nobody', { skip }, async (t) => {
  const secret = join(temporaryFolder(t), 'secret');
  writeFileSync(secret, 'of the owner');
  const lent = await lend(t);
  const scripts: [string, RegExp][] = [
    [`ln -s ${secret} out/result.wav`, /no plain file/],
    ['ln -s /etc/passwd out/result.wav', /no plain file/],
    ['mkdir out/result.wav', /no plain file/],
    ['mkfifo out/result.wav', /no plain file/],
    ['echo x > out/other; ln out/other out/result.wav', /no plain file/],
    ['echo x > out/-rf; echo x > "out/; rm"', /made nothing/],
    ['true', /made nothing/],
    ['echo "$0: wrong" >&2; exit 3', /wrong/],
  ];
  for (const [script, why] of scripts) {
    const { run } = await openTools(t, { path: pretend(t, script) });
    await assert.rejects(run(lent, tone(t), { container: 'wav' }), isProblem('tool_failed', why), script);
  }
  assert.deepEqual(lent.handed, []);
});

test('[F5] content that is not the one the relay has named is read by no program', { skip }, async (t) => {
  const { run } = await openTools(t);
  for (const wrong of [
    (content: Buffer) => content.subarray(1),
    (content: Buffer) => Buffer.concat([content, Buffer.from('x')]),
    (content: Buffer) => Buffer.from(content).fill(0, 50, 51),
  ]) {
    const lent = await lend(t, wrong);
    await assert.rejects(run(lent, tone(t), { container: 'wav' }), isProblem('file_transfer_failed', /Try again/));
    assert.deepEqual(lent.handed, []);
  }
});

test('only what the owner allows and what runs in a sandbox is offered', async (t) => {
  const none = await openTools(t, { allowed: [] });
  assert.deepEqual(none.tools.models(), []);
  const missing = await openTools(t, { path: '/nowhere' });
  assert.deepEqual(missing.tools.models(), []);
  const job = { type: 'ffmpeg' as const, model: 'ffmpeg', input: {} };
  await assert.rejects(missing.tools.run(job, new AbortController().signal), isProblem('tool_unusable', /owner/));
  await assert.rejects(findSandbox('win32'), isProblem('tool_unusable', /no sandbox for programs on win32/));
});

test('without all that a sandbox on Linux needs there is none, and the owner is told what to install', {
  skip: process.platform !== 'linux',
}, async (t) => {
  const bin = temporaryFolder(t);
  afterTest(t, () => Object.assign(process.env, { PATH }));
  process.env.PATH = bin;
  await assert.rejects(findSandbox('linux'), isProblem('tool_unusable', /apt install bubblewrap/));
  writeFileSync(join(bin, 'bwrap'), '', { mode: 0o755 });
  await assert.rejects(findSandbox('linux'), isProblem('tool_unusable', /util-linux/));
});

test('a sandbox that cannot be set up, as where namespaces are forbidden, lets no program run', { skip }, async (t) => {
  const sandbox = await findSandbox();
  const broken = { ...sandbox, wrap: () => ({ command: '/bin/false', args: [] }) };
  const { tools } = await openTools(t, { sandbox: async () => broken });
  assert.deepEqual(tools.models(), []);
});
