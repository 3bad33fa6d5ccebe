import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isNodeId, JOB_TYPES, nodeIdOfHeartbeat, subjects } from '../../../shared/protocol/subjects.ts';

test('[I1] what could widen a subscription, or is no plain token, is no node id', () => {
  const wrong = [
    '*',
    '>',
    '',
    '.',
    'a.b',
    'a b',
    'A',
    'a_b',
    '-a',
    'a-',
    'ä',
    'a\n',
    'a'.repeat(49),
    'a*',
    '>a',
    null,
    1,
    {},
  ];
  for (const id of wrong) assert.equal(isNodeId(id), false, String(id));
  for (const id of ['a', '0', 'a-b', 'a--b', 'a'.repeat(48), 'attic-pc-k3vxq2mzla'])
    assert.equal(isNodeId(id), true, id);
});

test('[J1] every subject of a node lies where it may listen', () => {
  const own = subjects.everythingForNode('attic').replace('>', '');
  const all = [subjects.openSession('attic'), subjects.capabilities('attic'), subjects.cancelJob('attic')];
  for (const type of JOB_TYPES) all.push(subjects.jobRequest('attic', type));
  assert.ok(all.every((subject) => subject.startsWith(own)));
  assert.equal(new Set(all).size, all.length);
});

test('[S1] the subject of a heartbeat names its node', () => {
  assert.equal(nodeIdOfHeartbeat(subjects.heartbeat('attic-pc')), 'attic-pc');
});
