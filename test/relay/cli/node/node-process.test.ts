import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startNodeProcess } from '../../../../relay/cli/node/node-process.ts';
import { startTestPool } from '../../../support/pool.ts';

// The keychain of whoever runs the tests is theirs.
process.env.SPAREWATT_NODE_KEY_STORE = 'file';

for (const platform of ['linux', 'win32'] as const) {
  test(`a node that is stopped ends in order, as ${platform} has it`, async (t) => {
    const { relay, dataFolder } = await startTestPool(t);
    const logFile = join(dataFolder, 'node.log');
    const node = startNodeProcess({ relayUrl: relay.url, dataFolder, configFile: undefined, logFile, platform });
    await node.ready;
    const holder = join(dataFolder, 'node', 'node.pid');
    assert.ok(existsSync(holder));
    await node.stop();
    assert.ok(!existsSync(holder), 'it has given its folder back');
  });
}

test('what a node writes goes into a log of limited size', async (t) => {
  const { relay, dataFolder } = await startTestPool(t);
  const logFile = join(dataFolder, 'node.log');
  const full = 10 * 1024 * 1024;
  writeFileSync(logFile, '');
  truncateSync(logFile, full);
  const node = startNodeProcess({ relayUrl: relay.url, dataFolder, configFile: undefined, logFile });
  await node.ready;
  await node.stop();
  assert.equal(statSync(`${logFile}.1`).size, full);
  assert.match(readFileSync(logFile, 'utf8'), /^\{"level":30,.*"msg":"the key of this node lies in the file .*"\}\n$/);
});
