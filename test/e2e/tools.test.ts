import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { FileObject, JobFileKept } from '../../shared/api/files.ts';
import type { ErrorBody } from '../../shared/problems/http.ts';
import { type Command, sparewatt } from '../support/command.ts';
import { whyNoTool } from '../support/native-tools.ts';

type Ready = { url: string; apiKey: string };
const skip = await whyNoTool('ffmpeg', ['ffmpeg', 'bubblewrap']);

describe('a node whose owner allows a program', { skip }, () => {
  const data = mkdtempSync(join(tmpdir(), 'sparewatt-test-'));
  let relay: Command;
  let ready: Ready;
  before(async () => {
    relay = sparewatt(['relay', '--port', '0', '--data', data, '--file-mb', '1', '--ready-json']);
    ready = JSON.parse(await relay.firstLine()) as Ready;
  });
  after(async () => {
    relay.child.kill('SIGTERM');
    await relay.exit;
    rmSync(data, { recursive: true, force: true });
  });
  const post = (path: string, body: string | Uint8Array<ArrayBuffer>, type = 'application/json') =>
    fetch(`${ready.url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ready.apiKey}`, 'content-type': type },
      body,
    });
  const withAgent = async (flags: string[], use: () => Promise<void>): Promise<void> => {
    const agent = sparewatt(['agent', '--relay', ready.url, '--data', data, ...flags, '--ready-json']);
    try {
      await agent.firstLine();
      await use();
    } finally {
      agent.child.kill('SIGTERM');
      await agent.exit;
    }
  };

  it('offers none by default', async () => {
    await withAgent([], async () => {
      const answer = await post('/v1/services/ffmpeg/transcode', JSON.stringify({ file: 'AAAA' }));
      assert.deepEqual([answer.status, ((await answer.json()) as ErrorBody).error.code], [503, 'no_capacity']);
    });
  });

  it('transcodes with --allow-tool what was uploaded, and keeps to the relay’s limit of files', async () => {
    const path = join(data, 'tone.wav');
    execFileSync('ffmpeg', ['-loglevel', 'error', '-f', 'lavfi', '-i', 'sine=d=1', path]);
    const upload = await post('/v1/files?filename=tone.wav', new Uint8Array(readFileSync(path)), 'audio/wav');
    const { id } = (await upload.json()) as FileObject;
    await withAgent(['--allow-tool', 'ffmpeg'], async () => {
      const answer = await post('/v1/services/ffmpeg/transcode', JSON.stringify({ file_id: id, container: 'mp3' }));
      const body = (await answer.json()) as { output: { file: JobFileKept; media_type: string } };
      assert.equal(answer.status, 200, JSON.stringify(body));
      assert.equal(body.output.media_type, 'audio/mpeg');
      assert.ok(body.output.file.bytes > 1_000);
    });
    const large = await post('/v1/files', new Uint8Array(2 ** 20 + 1), 'audio/wav');
    assert.equal(large.status, 413);
  });
});
