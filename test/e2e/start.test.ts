import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { isAlive } from '../../relay/fabric/nats-server/nats-server-process.ts';
import { ROOT, runSparewatt, sparewatt } from '../support/command.ts';
import { commandOf, descendantsOf } from '../support/processes.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

const run = promisify(execFile);
const noFullDisk = !existsSync('/dev/full') && 'there is no disk that is always full';

describe('npm start', () => {
  it('answers one question, says how it was served, and ends with 0 when asked to end', async (t) => {
    const start = [join(ROOT, 'build', 'start.mjs'), '--once', '--port', '0', '--data', temporaryFolder(t)];
    const { stdout, stderr } = await run(process.execPath, start);
    assert.match(stdout, /relay +http:\/\/127\.0\.0\.1:\d+/);
    assert.match(
      stdout,
      /served by \S+ · \S+ · \d+ tokens in \d+ ms · (\d+ tokens\/s · )?the first after \d+ ms · receipt rcpt_\w+/,
    );
    assert.ok(!stdout.includes('\u001b'), 'no escape codes when piped');
    assert.equal(stderr, '');
  });

  it('stays up with instructions that work when pasted, and leaves no process behind after Ctrl-C', async (t) => {
    const start = sparewatt(['start', '--port', '0', '--data', temporaryFolder(t)]);
    await until(() => start.stdout().includes('Ctrl-C stops') || start.child.exitCode !== null);
    const [curl = ''] = /^curl .*$/m.exec(start.stdout()) ?? [];
    const completion = await run('bash', ['-c', `${curl} --silent`]);
    assert.match(completion.stdout, /"content":"[^"]*\b42\b/);

    const [snippet = ''] = /^import OpenAI[\s\S]*?^console\.log.*$/m.exec(start.stdout()) ?? [];
    // A reader would paste it in a file of this folder, where the client is installed.
    const file = join(ROOT, `ask-${process.pid}.mjs`);
    writeFileSync(file, snippet);
    t.after(() => rmSync(file, { force: true }));
    const answered = await run(process.execPath, [file]);
    assert.match(answered.stdout, /\b42\b/);

    const [, consoleUrl = '', adminToken = ''] = /(\S+\/console) {2}\(admin token (\S+)\)/.exec(start.stdout()) ?? [];
    const session = await fetch(new URL('/v1/admin/session', consoleUrl), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token: adminToken }),
    });
    assert.ok(session.ok, 'the token opens the console');

    const started = descendantsOf(start.pid);
    assert.ok(started.length >= 2, 'a node and a nats-server run');
    start.child.kill('SIGINT');
    assert.equal(await start.exit, 0);
    assert.deepEqual(started.filter(isAlive), []);
  });

  it('stops what it has started when it is interrupted before it is ready', async (t) => {
    const start = sparewatt(['start', '--port', '0', '--data', temporaryFolder(t)]);
    await until(() => start.stdout().includes('Sparewatt'));
    const started = new Set<number>();
    await until(() => {
      for (const pid of descendantsOf(start.pid)) started.add(pid);
      return started.size > 0;
    });
    start.child.kill('SIGTERM');
    for (const pid of descendantsOf(start.pid)) started.add(pid);
    await start.exit;
    assert.deepEqual([...started].filter(isAlive), []);
  });

  it('keeps what it compiled at the first start of all while it runs, so that Ctrl-C need not wait for that', async (t) => {
    const cache = join(temporaryFolder(t), 'compiled');
    const relay = sparewatt(['relay', '--port', '0', '--data', temporaryFolder(t), '--ready-json'], {
      env: { NODE_COMPILE_CACHE: cache },
    });
    await relay.firstLine();
    await until(() => existsSync(cache) && readdirSync(cache, { recursive: true }).length > 500);
    assert.equal(relay.child.exitCode, null);
    relay.child.kill('SIGTERM');
    assert.equal(await relay.exit, 0);
  });

  it('leaves no process behind when it is asked to end a second time before it has', async (t) => {
    const start = sparewatt(['start', '--port', '0', '--drain-s', '600', '--data', temporaryFolder(t)]);
    await until(() => start.stdout().includes('Ctrl-C stops') || start.child.exitCode !== null);
    const started = descendantsOf(start.pid);
    const [nats = -1] = started.filter((pid) => commandOf(pid).includes('nats-server'));
    // What comes right after the first is taken for the same press.
    await until(() => !start.child.kill('SIGINT') || start.child.exitCode !== null);
    assert.equal(await start.exit, 130);
    assert.equal(isAlive(nats), false, 'the NATS server has ended before its relay');
    await until(() => !started.some(isAlive));
  });

  it('ends the node and the NATS server when it is killed without a chance to say so', async (t) => {
    const start = sparewatt(['start', '--port', '0', '--data', temporaryFolder(t)]);
    await until(() => start.stdout().includes('Ctrl-C stops') || start.child.exitCode !== null);
    const started = descendantsOf(start.pid);
    assert.ok(started.some((pid) => commandOf(pid).includes('nats-server')));
    start.child.kill('SIGKILL');
    await start.exit;
    await until(() => !started.some(isAlive));
  });

  it('answers where its logs cannot be written, as on a full disk', { skip: noFullDisk }, async (t) => {
    const data = temporaryFolder(t);
    mkdirSync(join(data, 'logs'));
    for (const log of ['relay.log', 'node.log']) symlinkSync('/dev/full', join(data, 'logs', log));
    const { code, stdout, stderr } = await runSparewatt(['start', '--once', '--port', '0', '--data', data]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /served by .* receipt rcpt_/);
    assert.equal(stderr, '');
  });

  it('says which log it may not write', async (t) => {
    for (const log of ['relay.log', 'node.log']) {
      const data = temporaryFolder(t);
      mkdirSync(join(data, 'logs', log), { recursive: true });
      const { code, stderr } = await runSparewatt(['start', '--once', '--port', '0', '--data', data]);
      assert.equal(code, 1);
      assert.match(stderr, new RegExp(`^error \\S+/logs/${log} cannot be used: .*\\(data_folder_unusable\\)\\n$`));
    }
  });

  it('ends with 1 and the reason when the port is taken', async (t) => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    const { port } = server.address() as { port: number };
    const { code, stderr } = await runSparewatt(['start', '--port', String(port), '--data', temporaryFolder(t)]);
    assert.equal(code, 1);
    assert.match(stderr, /\(port_in_use\)/);
  });
});
