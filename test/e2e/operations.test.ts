import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Snapshot } from '../../shared/api/snapshot.ts';
import type { CapabilityDocument } from '../../shared/protocol/capabilities.ts';
import { type Command, runSparewatt, sparewatt } from '../support/command.ts';
import { freePort } from '../support/network/free-port.ts';
import { loopbackMdns } from '../support/network/mdns.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

type Ready = { url: string; adminToken: string };

describe('operating a relay', () => {
  const data = mkdtempSync(join(tmpdir(), 'sparewatt-test-'));
  const saved = join(data, 'saved.json');
  let mdns: string;
  let relay: Command;
  let agent: Command;
  let ready: Ready;
  let capsPort: number;
  before(async () => {
    const network = await loopbackMdns();
    capsPort = await freePort();
    mdns = `${network.interface}:${network.port}`;
    const file = join(data, 'sparewatt.toml');
    writeFileSync(file, `mdns = "${mdns}"\n[relay]\nport = 0\nhost = "127.0.0.9"\nannounce = true\n`);
    relay = sparewatt(['relay', '--host', '127.0.0.1', '--data', data, '--ready-json']);
    ready = JSON.parse(await relay.firstLine()) as Ready;
  });
  after(async () => {
    for (const command of [agent, relay]) {
      command?.child.kill('SIGTERM');
      await command?.exit;
    }
    rmSync(data, { recursive: true, force: true });
  });

  it('takes its settings from the file of the data folder, and a flag wins', () => {
    const { hostname, port } = new URL(ready.url);
    assert.equal(hostname, '127.0.0.1');
    assert.notEqual(port, '8484');
  });

  it('[D5] lets an agent find it over multicast DNS and join', async () => {
    agent = sparewatt(['agent', '--discover', '--caps-port', String(capsPort), '--data', data, '--ready-json']);
    const { nodeId } = JSON.parse(await agent.firstLine()) as { nodeId: string };
    assert.match(nodeId, /^[a-z0-9-]+$/);
    assert.match(agent.stderr(), new RegExp(`found \\S+ at ${ready.url} `));
  });

  it('[C9] has a node show on its own door the document that the bus shows', async () => {
    const read = async (url: string) =>
      (await fetch(url, { headers: { authorization: `Bearer ${ready.adminToken}` } })).json();
    const look = async () => {
      const { nodes } = (await read(`${ready.url}/v1/admin/snapshot`)) as { nodes: { document: CapabilityDocument }[] };
      const own = (await read(`http://127.0.0.1:${capsPort}/caps`)) as CapabilityDocument;
      return { own, known: nodes[0]?.document ?? assert.fail('the relay lists no node') };
    };
    // Models warm up meanwhile, and each time the relay is a moment behind.
    await until(async () => {
      const { own, known } = await look();
      return own.signature === known.signature;
    });
    const { own, known } = await look();
    assert.deepEqual([own.node_id, own.hardware], [known.node_id, known.hardware]);
    assert.deepEqual(Object.keys(own).sort(), Object.keys(known).sort());
  });

  it('writes a snapshot that names node, models and settings, for its owner alone', async () => {
    const done = await runSparewatt(['snapshot', '--relay', ready.url, '--data', data, '--out', saved]);
    assert.equal(done.code, 0, done.stderr);
    assert.equal(done.stdout, '');
    if (process.platform !== 'win32') assert.equal(statSync(saved).mode & 0o777, 0o600);
    const snapshot = JSON.parse(readFileSync(saved, 'utf8')) as Snapshot;
    assert.equal(snapshot.nodes.length, 1);
    assert.deepEqual(snapshot.models.map(({ id }) => id).sort(), ['sparewatt/demo-chat', 'sparewatt/demo-embed']);
    const host = snapshot.config.find(({ setting }) => setting === 'relay.host');
    assert.deepEqual(host, { setting: 'relay.host', value: '127.0.0.1', origin: 'flag', place: '--host' });
  });

  it('passes a preflight against its own snapshot with 0, and saves the new one', async () => {
    const again = join(data, 'again.json');
    const args = ['preflight', '--relay', ready.url, '--data', data, '--against', saved, '--save', again, '--json'];
    const done = await runSparewatt(args);
    assert.equal(done.code, 0, done.stdout + done.stderr);
    assert.deepEqual(JSON.parse(done.stdout), { ok: true, differences: [] });
    assert.equal((JSON.parse(readFileSync(again, 'utf8')) as Snapshot).nodes.length, 1);
  });

  it('fails a preflight with 1 once the node is gone, names what is missing, and saves nothing', async () => {
    agent.child.kill('SIGTERM');
    await agent.exit;
    const never = join(data, 'never.json');
    const args = ['preflight', saved, '--relay', ready.url, '--admin-token', ready.adminToken];
    const done = await runSparewatt([...args, '--save', never]);
    assert.equal(done.code, 1);
    assert.match(done.stdout, /FAIL {2}missing node {2}\S+/);
    assert.match(done.stdout, /FAIL {2}missing model {2}sparewatt\/demo-chat/);
    assert.throws(() => statSync(never), /ENOENT/);
  });

  it('asks the relay that file and environment name, with the keys that lie in the data folder', async (t) => {
    const cwd = temporaryFolder(t);
    const { port } = new URL(ready.url);
    writeFileSync(join(cwd, 'sparewatt.toml'), `data = "${data}"\n[relay]\nport = ${port}\n`);
    for (const args of [['models', '--json'], ['snapshot'], ['pair', '--json']]) {
      const done = await runSparewatt(args, { cwd });
      assert.equal(done.code, 0, done.stderr);
      JSON.parse(done.stdout);
    }
    const env = { SPAREWATT_RELAY: 'http://127.0.0.1:1' };
    assert.equal((await runSparewatt(['snapshot'], { cwd, env })).code, 3, 'the environment wins over the file');
    assert.equal((await runSparewatt(['snapshot', '--relay', ready.url], { cwd, env })).code, 0, 'a flag over both');
    writeFileSync(
      join(cwd, 'sparewatt.toml'),
      `data = "${data}"\n[client]\nrelay = "${ready.url}"\napi_key = "sk-wrong"\n`,
    );
    assert.equal((await runSparewatt(['chat', 'hello'], { cwd })).code, 4);
    assert.equal((await runSparewatt(['preflight'], { cwd })).code, 0);
    writeFileSync(join(cwd, 'sparewatt.toml'), '[client]\nmodle = "x"\n');
    const wrong = await runSparewatt(['chat', 'hello'], { cwd });
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /toml:2: client\.modle is not known\. Did you mean client\.model\?/);
  });

  it('says in one sentence that a saved file is no snapshot, and that no relay answers', async (t) => {
    const file = join(temporaryFolder(t), 'x.json');
    writeFileSync(file, '{"format":1}');
    const wrong = await runSparewatt(['preflight', '--against', file, '--relay', ready.url, '--data', data]);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /holds no snapshot.*\(invalid_option\)/);
    const nobody = await runSparewatt(['snapshot', '--relay', 'http://127.0.0.1:1', '--admin-token', 'x']);
    assert.equal(nobody.code, 3);
    const stranger = await runSparewatt(['snapshot', '--relay', ready.url, '--admin-token', 'sk-wrong']);
    assert.equal(stranger.code, 4);
  });
});

describe('sparewatt config', () => {
  it('shows where each value came from, and what a command would run with', async (t) => {
    const cwd = temporaryFolder(t);
    writeFileSync(join(cwd, 'sparewatt.toml'), '[node]\nslots = 2\nname = "den"\njoin_token = "sw-admin-secret"\n');
    const env = { SPAREWATT_NODE_NAME: 'attic' };
    const done = await runSparewatt(['config', 'agent', '--slots', '3', '--json'], { cwd, env });
    assert.equal(done.code, 0, done.stderr);
    assert.doesNotMatch(done.stdout, /secret/);
    const { settings } = JSON.parse(done.stdout) as { settings: { setting: string; value: unknown; place: string }[] };
    const at = (name: string) => settings.find(({ setting }) => setting === name);
    assert.deepEqual([at('node.slots')?.value, at('node.slots')?.place], [3, '--slots']);
    assert.deepEqual([at('node.name')?.value, at('node.name')?.place], ['attic', 'SPAREWATT_NODE_NAME']);
    assert.match(at('node.join_token')?.place ?? '', /sparewatt\.toml:4$/);
    const text = await runSparewatt(['config'], { cwd, env });
    assert.match(text.stdout, /^node\.name +"attic" +environment: SPAREWATT_NODE_NAME$/m);
    assert.match(text.stdout, /^relay\.port +8484 +default$/m);
    const explained = await runSparewatt(['config', 'explain'], { cwd, env });
    assert.deepEqual([explained.code, explained.stdout], [0, text.stdout]);
  });

  it('ends --check with 0 or 1, and a command with a wrong file with 2', async (t) => {
    const cwd = temporaryFolder(t);
    const file = join(cwd, 'sparewatt.toml');
    writeFileSync(file, '[relay]\nport = 9000\n');
    const sound = await runSparewatt(['config', '--check'], { cwd });
    assert.deepEqual([sound.code, sound.stdout, sound.stderr], [0, '', 'Nothing is wrong with these settings.\n']);
    writeFileSync(file, '[relay]\nprot = 9000\n');
    const wrong = await runSparewatt(['config', '--check'], { cwd });
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /sparewatt\.toml:2: relay\.prot is not known\. Did you mean relay\.port\?/);
    const refused = await runSparewatt(['relay', '--data', cwd], { cwd });
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /relay\.prot .*\(invalid_setting\)/);
  });

  it('prints an example that passes its own check', async (t) => {
    const cwd = temporaryFolder(t);
    const example = await runSparewatt(['config', '--example'], { cwd });
    writeFileSync(join(cwd, 'sparewatt.toml'), example.stdout);
    assert.equal((await runSparewatt(['config', '--check'], { cwd })).code, 0);
  });

  it('[D8] refuses an agent both an address and discovery, with 2', async () => {
    const both = await runSparewatt(['agent', '--discover', '--relay', 'http://127.0.0.1:1']);
    assert.equal(both.code, 2);
    assert.match(both.stderr, /--discover and --relay/);
  });
});
