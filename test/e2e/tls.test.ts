import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Command, runSparewatt, sparewatt } from '../support/command.ts';
import { LAN, needsLan } from '../support/network/tls-relay.ts';

describe('a relay with TLS, by command', needsLan, () => {
  const folder = mkdtempSync(join(tmpdir(), 'sparewatt-tls-'));
  const data = join(folder, 'operator');
  let relay: Command;
  let port: string;
  const url = (): string => `https://127.0.0.1:${port}`;
  before(async () => {
    const place = ['--port', '0', '--host', '0.0.0.0', '--no-announce', '--data', data];
    relay = sparewatt(['relay', '--tls', '--tls-name', 'relay.lan', ...place, '--ready-json']);
    port = new URL((JSON.parse(await relay.firstLine()) as { url: string }).url).port;
  });
  after(async () => {
    relay.child.kill('SIGTERM');
    await relay.exit;
    rmSync(folder, { recursive: true, force: true });
  });

  it('is asked by the commands of its own machine as any other, and by those of another with its authority', async () => {
    const models = await runSparewatt(['models', '--relay', url(), '--data', data, '--json']);
    assert.deepEqual([models.code, models.stdout], [0, '[]\n'], models.stderr);
    const elsewhere = ['models', '--relay', url(), '--data', join(folder, 'elsewhere'), '--api-key', 'sk-x'];
    const refused = await runSparewatt(elsewhere);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /NODE_EXTRA_CA_CERTS.*\(relay_not_verified\)/);
    const file = join(folder, 'ca.pem');
    writeFileSync(file, (await runSparewatt(['ca', '--pem', '--data', data])).stdout);
    const known = await runSparewatt(elsewhere, { env: { NODE_EXTRA_CA_CERTS: file } });
    assert.match(known.stderr, /\(invalid_api_key\)/);
  });

  it('says where its authority lies, and that there is none where no relay spoke TLS', async () => {
    const { stdout, code } = await runSparewatt(['ca', '--data', data]);
    assert.equal(code, 0);
    assert.ok(stdout.includes(join(data, 'relay', 'tls', 'ca.pem')), stdout);
    assert.match(stdout, /SHA-256 {2}([0-9A-F]{2}:){31}[0-9A-F]{2}/);
    const { stdout: json } = await runSparewatt(['ca', '--data', data, '--json']);
    const told = JSON.parse(json) as { file: string; sha256: string; validTo: number };
    assert.equal(told.file, join(data, 'relay', 'tls', 'ca.pem'));
    assert.ok(stdout.includes(told.sha256) && stdout.includes(new Date(told.validTo).toISOString().slice(0, 10)), json);
    assert.equal((await runSparewatt(['ca', '--data', data, '--json', '--pem'])).code, 2);
    const none = await runSparewatt(['ca', '--data', join(folder, 'elsewhere')]);
    assert.match(none.stderr, /--tls.*\(data_folder_unusable\)/);
  });

  it('[L3] [L10] lets an agent of another address in by a link, which then answers a question', async () => {
    const address = ['--address', `https://${LAN}:${port}`];
    const made = await runSparewatt(['pair', '--relay', url(), '--data', data, '--json', ...address]);
    const { link } = JSON.parse(made.stdout) as { link: string };
    assert.match(link, /&ca=[\w-]{43}$/);
    const agent = sparewatt(['agent', '--data', join(folder, 'attic'), '--pair', link, '--ready-json']);
    const { nodeId } = JSON.parse(await agent.firstLine()) as { nodeId: string };
    const asked = await runSparewatt(['chat', 'Count from 1 to 3.', '--relay', url(), '--data', data, '--json']);
    assert.equal(asked.code, 0, asked.stderr);
    assert.equal((JSON.parse(asked.stdout) as { node: string }).node, nodeId);
    agent.child.kill('SIGTERM');
    assert.equal(await agent.exit, 0);
  });
});
