/** The node of the app whose secrets the system does not give: what its person is told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNodeHost } from '../../../main/node/node-host.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { collectLog } from '../../support/log.ts';
import { isProblem } from '../../support/problems.ts';

const RELAY = 'http://192.0.2.1:8484';
const LOCKED = new Problem(
  'data_folder_unusable',
  'The secret was sealed with a key that is not to be had now. Unlock the keychain.',
);

test('a node whose key cannot be had says so, and does not seem to wait for its relay', async () => {
  const host = createNodeHost({
    startAgent: () => Promise.reject(LOCKED),
    memory: {
      where: 'here',
      read: async () => JSON.stringify({ relay: RELAY, name: 'attic' }),
      write: async () => undefined,
    },
    name: 'attic',
    onChange: () => undefined,
    log: collectLog(),
  });
  await assert.rejects(host.start(), isProblem('data_folder_unusable', /Unlock/));
  assert.deepEqual(host.link(), { state: 'refused', relay: RELAY, code: LOCKED.code, detail: LOCKED.message });
});
