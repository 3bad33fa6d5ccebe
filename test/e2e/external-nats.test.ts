import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { findNatsBinary } from '../../relay/fabric/nats-server/nats-binary.ts';
import { startRelay } from '../../relay/server.ts';
import { runSparewatt } from '../support/command.ts';
import { silentLog, startTestPool } from '../support/pool.ts';
import { isProblem } from '../support/problems.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

describe('a relay with --nats', () => {
  it('lets nodes in to an open server that has no WebSocket listener', async (t) => {
    const { url } = await startForeignServer(t, '');
    const pool = await startTestPool(t, { natsUrl: url });
    assert.equal(pool.relay.natsUrl, url);
    const { nodeId } = await pool.addNode();
    const { data, response } = await pool
      .client()
      .chat.completions.create({ model: 'test/echo', messages: [{ role: 'user', content: 'through the bridge' }] })
      .withResponse();
    assert.equal(data.choices[0]?.message.content, 'through the bridge');
    assert.equal(response.headers.get('x-sparewatt-node'), nodeId);
  });

  it('keeps nodes apart on a server that runs with the configuration it prints', async (t) => {
    const dataFolder = temporaryFolder(t);
    const printed = await runSparewatt(['nats-config', '--data', dataFolder]);
    assert.equal(printed.code, 0, printed.stderr);
    const { url } = await startForeignServer(
      t,
      printed.stdout.replace(/^port: .*$/m, '').replace(/^websocket .*$/m, ''),
    );
    const pool = await startTestPool(t, { natsUrl: url, dataFolder: join(dataFolder, 'relay') });
    const { agent, nodeId } = await pool.addNode();
    const answer = await pool.client().chat.completions.create({
      model: 'test/echo',
      messages: [{ role: 'user', content: 'with rights' }],
    });
    assert.equal(answer.choices[0]?.message.content, 'with rights');
    await agent.close();
    await until(() => !pool.relay.nodes().includes(nodeId));
  });

  it('enters a server that wants a password, for its nodes too, and shows the password to nobody', async (t) => {
    const { url } = await startForeignServer(t, 'authorization { user: sparewatt, password: hidden }');
    const pool = await startTestPool(t, { natsUrl: url.replace('nats://', 'nats://sparewatt:hidden@') });
    assert.equal(pool.relay.natsUrl, url);
    await pool.addNode();
    const answer = await pool.client().chat.completions.create({
      model: 'test/echo',
      messages: [{ role: 'user', content: 'with a password' }],
    });
    assert.equal(answer.choices[0]?.message.content, 'with a password');
  });

  it('takes a password from the environment alone, and refuses a creds file that is not there', async (t) => {
    const relay = ['relay', '--port', '0', '--data', temporaryFolder(t)];
    const shown = await runSparewatt([...relay, '--nats', 'nats://user:hidden@127.0.0.1:1']);
    assert.equal(shown.code, 2);
    assert.match(shown.stderr, /SPAREWATT_RELAY_NATS.*--nats-creds/);
    const kept = await runSparewatt(relay, { env: { SPAREWATT_RELAY_NATS: 'nats://user:hidden@127.0.0.1:1' } });
    assert.match(kept.stderr, /No NATS server answers/);
    const creds = await runSparewatt([...relay, '--nats', 'nats://127.0.0.1:1', '--nats-creds', '/no/such.creds']);
    assert.match(creds.stderr, /\/no\/such\.creds cannot be read/);
    for (const { stderr, stdout } of [shown, kept, creds]) assert.doesNotMatch(stderr + stdout, /hidden/);
  });

  it('says what is wrong when nothing answers, or something else does', async (t) => {
    const start = (natsUrl: string) =>
      startRelay({ port: 0, host: '127.0.0.1', dataFolder: temporaryFolder(t), natsUrl, log: silentLog });
    await assert.rejects(start('nats://127.0.0.1:1'), isProblem('bus_unavailable', /No NATS server answers/));
    await assert.rejects(start('http://127.0.0.1:4222'), isProblem('invalid_option', /nats:/));
  });
});

/** A nats-server that this relay did not start, on a free port. */
async function startForeignServer(t: TestContext, config: string): Promise<{ url: string }> {
  const folder = temporaryFolder(t);
  const { path } = await findNatsBinary();
  const file = join(folder, 'server.conf');
  writeFileSync(file, `${config}\nhost: "127.0.0.1"\nport: -1\nports_file_dir: "${folder}"\n`);
  const child: ChildProcess = spawn(path, ['-c', file], { cwd: folder, stdio: 'ignore' });
  t.after(async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  let url = '';
  await until(() => {
    const name = readdirSync(folder).find((entry) => entry.endsWith('.ports'));
    if (name === undefined) return false;
    const text = readFileSync(join(folder, name), 'utf8');
    if (!text.includes('}')) return false;
    url = (JSON.parse(text) as { nats: string[] }).nats[0] ?? '';
    return true;
  });
  return { url };
}
