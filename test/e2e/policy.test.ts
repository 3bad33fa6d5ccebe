import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { NodeDetails } from '../../shared/api/nodes.ts';
import { DEFAULT_PREFERENCES } from '../../shared/preferences/preferences.ts';
import type { ErrorBody } from '../../shared/problems/http.ts';
import { type Command, runSparewatt, sparewatt } from '../support/command.ts';
import { until } from '../support/until.ts';

type Ready = { url: string; apiKey: string };

describe('a node with a policy file', () => {
  const data = mkdtempSync(join(tmpdir(), 'sparewatt-test-'));
  const file = join(data, 'policy.json');
  let relay: Command;
  let agent: Command;
  let ready: Ready;
  let nodeId: string;
  before(async () => {
    writeFileSync(file, JSON.stringify({ services: { deny: ['embed'] }, sizes: { output_tokens: 3 } }));
    relay = sparewatt(['relay', '--port', '0', '--data', data, '--ready-json']);
    ready = JSON.parse(await relay.firstLine()) as Ready;
    agent = sparewatt(['agent', '--relay', ready.url, '--data', data, '--policy', file, '--ready-json']);
    ({ nodeId } = JSON.parse(await agent.firstLine()) as { nodeId: string });
  });
  after(async () => {
    for (const command of [agent, relay]) {
      command?.child.kill('SIGTERM');
      await command?.exit;
    }
    rmSync(data, { recursive: true, force: true });
  });

  const headers = () => ({ authorization: `Bearer ${ready.apiKey}`, 'content-type': 'application/json' });
  async function post<Answer>(path: string, body: object): Promise<{ status: number; body: Answer }> {
    const response = await fetch(`${ready.url}${path}`, {
      method: 'POST',
      headers: headers(),
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as Answer };
  }
  const chat = (more: object = {}) => ({
    model: 'sparewatt/demo-chat',
    messages: [{ role: 'user', content: 'What is 17 + 25?' }],
    ...more,
  });
  const statusNow = async (): Promise<string> => {
    const response = await fetch(`${ready.url}/v1/nodes/${nodeId}`, { headers: headers() });
    return ((await response.json()) as NodeDetails).status;
  };

  it('[O2] runs what is allowed within the limits, and refuses the rest with the reason', async () => {
    const { status, body } = await post<{ usage: { completion_tokens: number } }>('/v1/chat/completions', chat());
    assert.equal(status, 200);
    assert.ok(body.usage.completion_tokens <= 3);
    const long = await post<ErrorBody>('/v1/chat/completions', chat({ max_tokens: 4 }));
    assert.deepEqual([long.status, long.body.error.code], [503, 'policy_refused']);
    assert.match(long.body.error.message, /does not take more than 3 tokens of answer, and this job has 4/);
    const embed = await post<ErrorBody>('/v1/embeddings', { model: 'sparewatt/demo-embed', input: 'x' });
    assert.deepEqual([embed.status, embed.body.error.code], [503, 'policy_refused']);
    assert.match(embed.body.error.message, /does not run embed jobs/);
  });

  it('[O6] closes and opens with its file, and a wrong file changes nothing', async () => {
    writeFileSync(file, '{"paused": true}');
    await until(async () => (await statusNow()) === 'closed');
    const closed = await post<ErrorBody>('/v1/chat/completions', chat());
    assert.deepEqual([closed.status, closed.body.error.code], [503, 'no_capacity']);
    assert.match(closed.body.error.message, /closed by their owners now/);
    writeFileSync(file, '{"paused": "no"}');
    await until(() => agent.stderr().includes('the last policy stays'));
    assert.equal(await statusNow(), 'closed');
    writeFileSync(file, '{}');
    await until(async () => (await statusNow()) === 'ready');
    assert.equal((await post('/v1/chat/completions', chat({ max_tokens: 4 }))).status, 200);
  });

  it('may be the whole document of the desktop app, whose disk quota is followed while the node runs', async () => {
    const unused = join(data, 'node', 'models', 'maker', 'unused');
    mkdirSync(unused, { recursive: true });
    writeFileSync(join(unused, 'config.json'), '{}');
    // The machine of the tests may be on battery, or busy.
    const easy = { contribute_on_battery: true, contribute_when_hot: true, contribute_on_metered_network: true };
    const owned = { ...DEFAULT_PREFERENCES, ...easy, other_gpu_load_percent: null, disk_quota_bytes: 0 };
    writeFileSync(file, JSON.stringify({ ...owned, games: { detect: false, programs: [] } }));
    await until(() => !existsSync(unused));
    await until(() => /maker\/unused.*removed to make room/.test(agent.stderr()));
    assert.equal(await statusNow(), 'ready');
  });

  it('is shown by sparewatt config, which also checks it', async () => {
    writeFileSync(file, '{"paused": true}');
    const shown = await runSparewatt(['config', 'agent', '--policy', file, '--data', data]);
    assert.equal(shown.code, 0, shown.stderr);
    assert.match(shown.stdout, /^policy of the node {2}\{"paused":true\} {2}\S+policy\.json$/m);
    writeFileSync(file, '{"version": 2, "policy": {"jobs_per_client": 3}, "disk_quota_bytes": 5}');
    const owned = await runSparewatt(['config', 'agent', '--policy', file, '--data', data]);
    assert.match(owned.stdout, /^policy of the node {2}\{"jobs_per_client":3,.*\} {2}\S+policy\.json$/m);
    assert.match(
      owned.stdout,
      /^preferences of its owner {2}\{"version":2,.*"disk_quota_bytes":5,.*\} {2}\S+policy\.json$/m,
    );
    const asJson = await runSparewatt(['config', 'agent', '--policy', file, '--data', data, '--json']);
    const shownAsJson = JSON.parse(asJson.stdout) as { policy: object; preferences: object };
    assert.deepEqual(shownAsJson.preferences, {
      ...DEFAULT_PREFERENCES,
      policy: { jobs_per_client: 3 },
      disk_quota_bytes: 5,
    });
    writeFileSync(file, '{"hours": ["8-10"]}');
    const checked = await runSparewatt(['config', 'agent', '--policy', file, '--data', data, '--check']);
    assert.equal(checked.code, 1);
    assert.match(checked.stderr, /hours\.0 must be days and times/);
    const refused = await runSparewatt([
      'agent',
      '--relay',
      ready.url,
      '--policy',
      file,
      '--data',
      join(data, 'other'),
    ]);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /hours\.0 must be days and times.*invalid_setting/);
  });
});
