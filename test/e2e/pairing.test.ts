import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Command, runSparewatt, sparewatt } from '../support/command.ts';
import { until } from '../support/until.ts';

const LAN = Object.values(networkInterfaces())
  .flat()
  .find((address) => address?.family === 'IPv4' && !address.internal)?.address;

describe('pairing by command', { skip: LAN === undefined ? 'this machine has no address but loopback' : false }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'sparewatt-pairing-'));
  const data = join(folder, 'operator');
  let relay: Command;
  let url: string;
  let lanUrl: string;
  before(async () => {
    relay = sparewatt(['relay', '--port', '0', '--host', '0.0.0.0', '--no-announce', '--data', data, '--ready-json']);
    const { port } = new URL((JSON.parse(await relay.firstLine()) as { url: string }).url);
    url = `http://127.0.0.1:${port}`;
    lanUrl = `http://${LAN}:${port}`;
  });
  after(async () => {
    relay.child.kill('SIGTERM');
    await relay.exit;
    rmSync(folder, { recursive: true, force: true });
  });
  const agent = (name: string, ...more: string[]) =>
    sparewatt(['agent', '--data', join(folder, name), '--name', name, '--ready-json', ...more]);

  it('shows the operator a code, a link and a QR code, and what to type on the other machine', async () => {
    const { code, stdout, stderr } = await runSparewatt(['pair', '--relay', url, '--data', data, '--address', lanUrl]);
    assert.equal(code, 0, stderr);
    const [made = ''] = /[A-Z2-9]{4}-[A-Z2-9]{4}-[A-Z2-9]{4}/.exec(stdout) ?? [];
    assert.ok(stdout.includes(`sparewatt agent --relay ${lanUrl} --pair ${made}`), stdout);
    assert.match(stdout, /sparewatt:\/\/pair\?relay=/);
    assert.match(stdout, /[▀▄█]{5}/);
    assert.match(stdout, /one use, until (?:\d{4}-\d\d-\d\d )?\d\d:\d\d\n/);
    assert.doesNotMatch(stdout, /this machine only/);
    // Browsers give no key to a page that came over plain HTTP from another machine.
    assert.doesNotMatch(stdout, /\/join#code=/);
    assert.match(stdout, /A browser tab there needs HTTPS: .*sparewatt relay --tls --browser-nodes/);
  });

  it('names an address in the link at which other machines reach the relay', async () => {
    const { stdout } = await runSparewatt(['pair', '--relay', url, '--data', data]);
    assert.ok(stdout.includes(`--relay ${lanUrl} `), stdout);
    assert.doesNotMatch(stdout, /works on this machine only/);
  });

  it('warns of a link that leads the other machine to itself', async () => {
    const { stdout } = await runSparewatt(['pair', '--relay', url, '--data', data, '--address', 'http://localhost:1']);
    assert.match(stdout, /works on this machine only/);
    assert.match(stdout, /http:\/\/localhost:1\/join#code=/);
  });

  it('lets an agent of another address in by a link alone, and again by its key without being told where', async () => {
    const labelled = ['--label', 'room=attic', 'floor=2', '--address', lanUrl];
    const made = await runSparewatt(['pair', '--relay', url, '--data', data, '--json', ...labelled]);
    const { link } = JSON.parse(made.stdout) as { link: string };
    const first = agent('attic', '--pair', link);
    const { nodeId } = JSON.parse(await first.firstLine()) as { nodeId: string };
    assert.match(first.stderr(), /the key of this node lies in the file .*node-key\.json/);
    assert.ok(!first.stderr().includes(new URL(link).searchParams.get('code') ?? ''), 'the code is not logged');
    first.child.kill('SIGTERM');
    assert.equal(await first.exit, 0);
    const pins = JSON.parse(readFileSync(join(folder, 'attic', 'node', 'relay-pins.json'), 'utf8')) as object;
    assert.deepEqual(pins, { [lanUrl]: new URL(link).searchParams.get('key') });
    // It has heard where its relay is, and under which name.
    const again = sparewatt(['agent', '--data', join(folder, 'attic'), '--ready-json']);
    assert.equal((JSON.parse(await again.firstLine()) as { nodeId: string }).nodeId, nodeId);
    again.child.kill('SIGTERM');
    await again.exit;
  });

  it('refuses an agent of another address without a code, with a wrong one and with a slip, each with its exit code', async () => {
    for (const [args, exitCode, reason] of [
      [[], 4, /--pair CODE\. \(pairing_required\)/],
      [['--pair', 'AAAA-BBBB-CCCC'], 4, /\(pairing_code_invalid\)/],
      [['--pair', 'AAAA-BBBB'], 2, /looks like K7QF-2M9X-HB4T.*\(invalid_option\)/],
    ] as const) {
      const refused = agent('stranger', '--relay', lanUrl, ...args);
      assert.equal(await refused.exit, exitCode, refused.stderr());
      assert.match(refused.stderr(), reason);
    }
  });

  it('shows that a node remembers its relay, takes another that it is told, and refuses one with another key', async () => {
    const file = join(folder, 'attic', 'node', 'relay.json');
    const shown = await runSparewatt(['config', 'agent', '--data', join(folder, 'attic')]);
    assert.match(shown.stdout, new RegExp(`^node\\.relay +"${lanUrl}" +remembered: ${file}$`, 'm'));
    const elsewhere = agent('attic', '--relay', 'http://127.0.0.1:1', '--log-level', 'warn');
    await until(() => /127\.0\.0\.1:1/.test(elsewhere.stderr()));
    elsewhere.child.kill('SIGTERM');
    await elsewhere.exit;
    const pins = join(folder, 'attic', 'node', 'relay-pins.json');
    const known = readFileSync(pins, 'utf8');
    writeFileSync(pins, known.replace(/N[A-Z2-7]{55}/, `N${'A'.repeat(55)}`));
    const refused = agent('attic');
    assert.equal(await refused.exit, 4, refused.stderr());
    assert.match(refused.stderr(), /\(relay_identity_changed\)/);
    writeFileSync(pins, known);
  });

  it('lists the codes with what became of them, and withdraws one by its id or by itself', async () => {
    const operator = ['--relay', url, '--data', data];
    const make = async () => {
      const made = await runSparewatt(['pair', ...operator, '--json', '--label', 'room=den']);
      return JSON.parse(made.stdout) as { id: string; code: string };
    };
    const [one, other] = [await make(), await make()];
    const list = async () => (await runSparewatt(['pair', ...operator, '--list'])).stdout;
    const before = await list();
    assert.match(before, new RegExp(`^${one.id} +open +until .*room=den$`, 'm'));
    assert.match(before, / used +by attic-/);
    assert.ok(!before.includes(one.code));
    const withdrawn = await runSparewatt(['pair', ...operator, '--withdraw', one.id]);
    assert.equal(withdrawn.code, 0, withdrawn.stderr);
    assert.equal((await runSparewatt(['pair', ...operator, '--withdraw', other.code.toLowerCase()])).code, 0);
    assert.match(await list(), new RegExp(`^${one.id} +expired `, 'm'));
    const refused = agent('late', '--relay', lanUrl, '--pair', other.code);
    assert.equal(await refused.exit, 4);
    assert.match(refused.stderr(), /\(pairing_code_expired\)/);
    const unknown = await runSparewatt(['pair', ...operator, '--withdraw', 'no-such-code-id-']);
    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, /sparewatt pair --list\. \(pairing_code_not_found\)/);
  });

  it('ends an agent whose node is revoked', async () => {
    const made = await runSparewatt(['pair', '--relay', url, '--data', data, '--json', '--address', lanUrl]);
    const { link } = JSON.parse(made.stdout) as { link: string };
    const node = agent('cellar', '--pair', link);
    const { nodeId } = JSON.parse(await node.firstLine()) as { nodeId: string };
    const { adminToken } = JSON.parse(readFileSync(join(data, 'relay', 'keys.json'), 'utf8')) as { adminToken: string };
    const headers = { authorization: `Bearer ${adminToken}` };
    await fetch(`${url}/v1/admin/nodes/${nodeId}/revoke`, { method: 'POST', headers });
    await until(() => node.child.exitCode !== null);
    assert.equal(await node.exit, 4);
    assert.match(node.stderr(), /\(node_revoked\)/);
  });
});
