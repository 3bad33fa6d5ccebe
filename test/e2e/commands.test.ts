import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { isAlive } from '../../relay/fabric/nats-server/nats-server-process.ts';
import { type Command, ROOT, runSparewatt, sparewatt } from '../support/command.ts';
import { freePort } from '../support/network/free-port.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

const run = promisify(execFile);
const BIN = join(ROOT, 'relay', 'cli', 'bin.mjs');

type Ready = { url: string; natsUrl: string; apiKey: string; adminToken: string; pid: number };

describe('the sparewatt command', () => {
  const data = mkdtempSync(join(tmpdir(), 'sparewatt-test-'));
  let relay: Command;
  let ready: Ready;
  before(async () => {
    relay = sparewatt(['relay', '--port', '0', '--data', data, '--ready-json']);
    ready = JSON.parse(await relay.firstLine()) as Ready;
  });
  after(async () => {
    relay.child.kill('SIGTERM');
    await relay.exit;
    rmSync(data, { recursive: true, force: true });
  });

  it('prints exactly one line of JSON when a relay is ready', async () => {
    assert.deepEqual(Object.keys(ready).sort(), ['adminToken', 'apiKey', 'natsUrl', 'pid', 'url']);
    assert.equal(relay.stdout().split('\n').length, 2);
    assert.equal(ready.pid, relay.pid);
    const health = await fetch(`${ready.url}/v1/health`);
    assert.equal(health.status, 200);
  });

  it('asks the relay that runs with the data folder, wherever it listens, and says so', async () => {
    const keys = await runSparewatt(['keys', 'list', '--data', data, '--json']);
    assert.equal(keys.code, 0, keys.stderr);
    const { stdout } = await runSparewatt(['config', '--data', data]);
    const said = `${JSON.stringify(ready.url)}  running: ${join(data, 'relay', 'relay.pid')}`;
    const line = stdout.split('\n').find((row) => row.startsWith('client.relay '));
    assert.ok(line?.endsWith(` ${said}`), line);
  });

  it('serves the demo models from an agent and answers a chat with a receipt', async () => {
    const agent = sparewatt(['agent', '--relay', ready.url, '--data', data, '--ready-json']);
    const { nodeId, pid } = JSON.parse(await agent.firstLine()) as { nodeId: string; pid: number };
    assert.equal(pid, agent.pid);

    const models = await runSparewatt(['models', '--relay', ready.url, '--data', data, '--json']);
    const ids = (JSON.parse(models.stdout) as { id: string }[]).map((model) => model.id);
    assert.deepEqual(ids.sort(), ['sparewatt/demo-chat', 'sparewatt/demo-embed']);

    const chat = await runSparewatt(['chat', 'What is 47 + 38?', '--relay', ready.url, '--data', data, '--json']);
    assert.equal(chat.code, 0, chat.stderr);
    const answer = JSON.parse(chat.stdout) as { text: string; node: string; jobId: string; receiptId: string };
    assert.match(answer.text, /\b85\b/);
    assert.equal(answer.node, nodeId);

    const receipt = await fetch(`${ready.url}/v1/jobs/${answer.jobId}/receipt`, {
      headers: { authorization: `Bearer ${ready.apiKey}` },
    });
    assert.equal(((await receipt.json()) as { id: string }).id, answer.receiptId);

    agent.child.kill('SIGTERM');
    assert.equal(await agent.exit, 0, agent.stderr());
  });

  it('reads a prompt from stdin and prints the answer in plain text without colour codes', async () => {
    const agent = sparewatt(['agent', '--relay', ready.url, '--data', data, '--ready-json']);
    await agent.firstLine();
    const chat = await runSparewatt(['chat', '-', '--relay', ready.url, '--api-key', ready.apiKey], {
      input: 'What is 12 + 34?\n',
    });
    assert.match(chat.stdout, /^.*\b46\b.*\n$/, 'the answer alone, so that a script may take it');
    assert.match(
      chat.stderr,
      /^served by \S+ · \S+ · \d+ tokens in \d+ ms · (\d+ tokens\/s · )?the first after \d+ ms · receipt rcpt_/,
    );
    assert.ok(!`${chat.stdout}${chat.stderr}`.includes('\u001b'), 'no escape codes when piped');
    agent.child.kill('SIGTERM');
    await agent.exit;
  });

  it('names the process that holds the data folder to a second relay', async () => {
    const second = await runSparewatt(['relay', '--port', '0', '--data', data]);
    assert.equal(second.code, 1);
    assert.match(second.stderr, new RegExp(`Process ${ready.pid} .*\\(data_folder_in_use\\)`));
  });

  it('says of a host that is none of this machine so, and starts nothing', async (t) => {
    const other = temporaryFolder(t);
    for (const host of ['192.0.2.77', 'not a host']) {
      const wrong = await runSparewatt(['relay', '--port', '0', '--host', host, '--data', other]);
      assert.equal(wrong.code, 1);
      assert.ok(wrong.stderr.includes(`error ${host} is no address of this machine. Choose another with --host.`));
      assert.ok(!existsSync(join(other, 'relay', 'nats', 'ports')));
    }
  });

  it('says that the port is taken and leaves no nats-server behind', async (t) => {
    const other = temporaryFolder(t);
    const second = await runSparewatt(['relay', '--port', new URL(ready.url).port, '--data', other]);
    assert.equal(second.code, 1);
    assert.match(second.stderr, /--port\. \(port_in_use\)/);
    assert.deepEqual(natsPids(other).filter(isAlive), []);
  });

  it('says that a data folder cannot be used, and what to do', async (t) => {
    const file = join(temporaryFolder(t), 'a-file');
    writeFileSync(file, '');
    // Below /proc Linux says "no such file" of a folder whose parent is there.
    const folders = [join(file, 'inside'), ...(process.platform === 'linux' ? ['/proc/sparewatt'] : [])];
    for (const folder of folders) {
      for (const command of ['relay --port 0', 'start --once --port 0', `agent --relay ${ready.url}`]) {
        const { code, stderr } = await runSparewatt([...command.split(' '), '--data', folder]);
        assert.equal(code, 1, `${command} ${folder}`);
        assert.match(stderr, /--data.*\(data_folder_unusable\)\n$/);
      }
    }
  });

  it('ends with 4 for a wrong key and with 3 when no relay answers', async () => {
    const wrongKey = await runSparewatt(['models', '--relay', ready.url, '--api-key', 'sk-wrong']);
    assert.equal(wrongKey.code, 4);
    assert.match(wrongKey.stderr, /\(invalid_api_key\)/);
    const closedPort = await freePort();
    const nobody = await runSparewatt(['chat', 'x', '--relay', `http://127.0.0.1:${closedPort}`, '--api-key', 'x']);
    assert.equal(nobody.code, 3);
    assert.match(nobody.stderr, /sparewatt relay \(relay_unreachable\)/);
  });

  it('ends with 2 for a wrong command line and says what is wrong', async () => {
    for (const args of [['nonsense'], ['relay', '--port', '99999'], ['relay', '--bogus'], ['chat']]) {
      const wrong = await runSparewatt(args);
      assert.equal(wrong.code, 2, args.join(' '));
      assert.match(wrong.stderr, /^error: /);
    }
    const mistyped = await runSparewatt(['models', 'list', '--bogus']);
    assert.match(mistyped.stderr, /\(\S.* models list --help says what it takes\)\n$/);
  });

  it('stops when the shell in which npx runs it was told to end', async (t) => {
    const script = '"$0" "$1" relay --port 0 --data "$2" --ready-json; :';
    const shell = spawn('/bin/sh', ['-c', script, process.execPath, BIN, temporaryFolder(t)], {
      env: { ...process.env, npm_command: 'exec' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    t.after(() => shell.kill('SIGKILL'));
    const [line] = await once(createInterface({ input: shell.stdout }), 'line');
    const { pid } = JSON.parse(String(line)) as Ready;
    t.after(() => isAlive(pid) && process.kill(pid, 'SIGKILL'));
    assert.notEqual(pid, shell.pid);
    shell.kill('SIGTERM');
    await until(() => !isAlive(pid));
  });

  it('ends in peace when its reader has seen enough, and with 1 when its output cannot be kept', {
    skip: !existsSync('/dev/full') && 'there is no disk that is always full',
  }, async () => {
    // Longer than a pipe holds, so that something is left to be written when its reader has gone.
    const long = `for i in 1 2 3 4 5; do "$0" "$1" config --example; echo "ended with $?" >&2; done`;
    const cut = await run('bash', ['-c', `{ ${long}; } | head -1`, process.execPath, BIN]);
    assert.equal(cut.stderr, 'ended with 0\n'.repeat(5));
    const lost = await run('bash', ['-c', '"$0" "$1" config >/dev/full; echo "ended with $?"', process.execPath, BIN]);
    assert.equal(lost.stdout, 'ended with 1\n');
    assert.match(lost.stderr, /^error The output could not be written: ENOSPC[^\n]*\n$/);
  });

  it('documents every exit code in its help, which every command has', async () => {
    const help = await runSparewatt(['--help']);
    assert.equal(help.code, 0);
    assert.ok(
      help.stdout.split('\n').every((line) => line.length <= 80),
      'fits a terminal',
    );
    for (const code of [0, 1, 2, 3, 4, 130]) assert.match(help.stdout, new RegExp(`^  ${code}  \\S`, 'm'));
    for (const command of ['start', 'relay', 'agent', 'chat', 'models']) {
      const one = await runSparewatt([command, '--help']);
      assert.equal(one.code, 0);
      assert.match(one.stdout, /Usage: sparewatt /);
    }
  });

  it('keeps its keys over a restart and stops nats-server with itself on SIGTERM', async (t) => {
    const folder = temporaryFolder(t);
    const first = sparewatt(['relay', '--port', '0', '--data', folder, '--ready-json']);
    const one = JSON.parse(await first.firstLine()) as Ready;
    const [natsPid = -1] = natsPids(folder);
    assert.ok(isAlive(natsPid));
    first.child.kill('SIGTERM');
    assert.equal(await first.exit, 0);
    assert.ok(!isAlive(natsPid), 'nats-server ended');
    const second = sparewatt(['relay', '--port', '0', '--data', folder, '--ready-json']);
    const two = JSON.parse(await second.firstLine()) as Ready;
    assert.equal(two.apiKey, one.apiKey);
    assert.equal(two.adminToken, one.adminToken);
    second.child.kill('SIGTERM');
    await second.exit;
  });
});

/** The processes whose nats-server has listed its ports in the data folder. */
function natsPids(data: string): number[] {
  const folder = join(data, 'relay', 'nats', 'ports');
  return readdirSync(folder).flatMap((name) => {
    const pid = /_(\d+)\.ports$/.exec(name)?.[1];
    return pid === undefined ? [] : [Number(pid)];
  });
}
