import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ServiceDetails, ServiceSummary } from '../../shared/api/services.ts';
import { type Command, runSparewatt, sparewatt } from '../support/command.ts';

const ROBBER = `
id = "house/robber"
category = "gaming"
title = "Words of a robber"
description = "Lets a robber speak."
runtime = { type = "llm", prompt = { user = "Robber, {say}" } }
examples = [{ input = { say = "who are you?" } }]

[input]
type = "object"
required = ["say"]
properties = { say = { type = "string" } }
`;

describe('sparewatt services', () => {
  const data = mkdtempSync(join(tmpdir(), 'sparewatt-test-'));
  const file = join(data, 'robber.toml');
  let relay: Command;
  let url: string;

  const services = (...args: string[]) => runSparewatt(['services', ...args, '--relay', url, '--data', data]);

  before(async () => {
    writeFileSync(file, ROBBER);
    const args = ['relay', '--port', '0', '--data', data, '--services', file, '--ready-json'];
    relay = sparewatt(args);
    ({ url } = JSON.parse(await relay.firstLine()) as { url: string });
  });
  after(async () => {
    relay.child.kill('SIGTERM');
    await relay.exit;
    rmSync(data, { recursive: true, force: true });
  });

  it('lists the services of the relay and those of the operator', async () => {
    const { stdout, stderr } = await services('list', '--category', 'gaming', '--json');
    assert.equal(stderr, '');
    const list = JSON.parse(stdout) as ServiceSummary[];
    assert.ok(list.some(({ id }) => id === 'gaming/npc-dialogue'));
    assert.equal(list.find(({ id }) => id === 'house/robber')?.origin, 'file');
    const { stdout: table } = await services('list', '--search', 'ffmpeg');
    assert.match(table, /^SERVICE +CATEGORY +RUNS ON +WHAT\n/);
    assert.match(table, /\nffmpeg\/transcode +media +none now +Transcoding/);
    assert.ok(table.split('\n').every((line) => line.length <= 80));
    assert.match((await services('list', '--search', 'nothing-like-it')).stdout, /^No service fits/);
  });

  it('shows one, with what no node has', async () => {
    const { stdout } = await services('show', 'whisper/transcribe');
    assert.match(stdout, /^whisper\/transcribe +Transcription of speech\n/);
    assert.match(stdout, /\n {2}missing {4}the capability "stt"\n/);
    assert.match(stdout, /\n {2}input +model\? audio\? file_id\? url\? language\?/);
    const { stdout: robber } = await services('show', 'house/robber');
    assert.ok(
      robber.endsWith(
        `\ncurl ${url}/v1/services/house/robber -H "Authorization: Bearer $SPAREWATT_API_KEY" \\\n  -H 'content-type: application/json' -d '{"say":"who are you?"}'\n`,
      ),
      robber,
    );
    const shown = JSON.parse((await services('show', 'house/robber', '--json')).stdout) as ServiceDetails;
    assert.deepEqual([shown.id, shown.origin], ['house/robber', 'file']);
    const { code, stderr } = await services('show', 'house/rober');
    assert.equal(code, 1);
    assert.match(stderr, /Did you mean house\/robber/);
  });

  it('a relay with a file that is wrong ends at once and names the place', async () => {
    const bad = join(data, 'bad.json');
    writeFileSync(bad, '{ "id": "house/bad" }');
    const { code, stderr } = await runSparewatt(['relay', '--port', '0', '--data', join(data, 'b'), '--services', bad]);
    assert.equal(code, 2);
    assert.match(stderr, /bad\.json: Missing required parameter: 'category'.*\(invalid_setting\)/);
  });
});
