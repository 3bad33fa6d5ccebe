import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { runSparewatt, sparewatt } from '../support/command.ts';
import { needsSecretService, startSecretService } from '../support/desktop/secret-service.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

/** Starts an agent that finds no relay, until it has said where its key lies; answers that line. */
async function keyLineOf(t: TestContext, data: string, env: NodeJS.ProcessEnv, ...flags: string[]) {
  const agent = sparewatt(['agent', '--relay', 'http://127.0.0.1:1', '--data', data, ...flags], {
    env: { ...env, SPAREWATT_NODE_KEY_STORE: '' },
  });
  t.after(() => agent.child.kill('SIGKILL'));
  const lineOf = () =>
    agent
      .stderr()
      .split('\n')
      .find((line) => line.includes('the key of this node lies in'));
  await until(() => lineOf() !== undefined || agent.child.exitCode !== null);
  agent.child.kill('SIGKILL');
  await agent.exit;
  const { publicKey, msg } = JSON.parse(lineOf() ?? assert.fail(agent.stderr())) as { publicKey: string; msg: string };
  return { publicKey, msg };
}

describe('an agent on a machine with a keychain', needsSecretService, () => {
  it('keeps its key there, is the same node ever after, and takes the key along to a file', async (t) => {
    const { env, restart } = await startSecretService(t);
    const data = temporaryFolder(t);
    const first = await keyLineOf(t, data, env);
    assert.match(first.msg, /Secret Service.*it was tried and works$/);
    assert.doesNotMatch(readFileSync(join(data, 'node', 'node-key.json'), 'utf8'), /seed/);
    await restart('unlocked');
    assert.equal((await keyLineOf(t, data, env)).publicKey, first.publicKey);

    await restart('locked');
    const locked = await runSparewatt(['agent', '--data', data], { env: { ...env, SPAREWATT_NODE_KEY_STORE: 'auto' } });
    assert.equal(locked.code, 1);
    assert.match(locked.stderr, /cannot be read.*Unlock it.*\(keychain_unavailable\)/);

    await restart('unlocked');
    const moved = await keyLineOf(t, data, env, '--key-store', 'file');
    assert.equal(moved.publicKey, first.publicKey);
    assert.match(moved.msg, /lies in the file /);
    await restart('locked');
    assert.equal((await keyLineOf(t, data, env)).publicKey, first.publicKey);
  });

  it('is not held up by a keychain that does not answer, and makes a key in a file', async (t) => {
    const { env, freeze } = await startSecretService(t);
    freeze();
    const { msg } = await keyLineOf(t, temporaryFolder(t), env);
    assert.match(msg, /lies in the file .*: the keyring of this session \(Secret Service\) cannot be used: /);
  });
});
