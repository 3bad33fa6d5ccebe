import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareSnapshots, type Difference } from '../../../../relay/cli/client/compare-snapshots.ts';
import type { Snapshot } from '../../../../shared/api/snapshot.ts';
import { snapshotOf } from '../../../support/snapshots.ts';

const BEFORE = snapshotOf({ one: ['m/a', 'm/b'], two: ['m/b'] });

const brief = (differences: Difference[]) => differences.map(({ kind, fails, subject }) => [kind, fails, subject]);

test('finds no difference between a relay and itself', () => {
  assert.deepEqual(compareSnapshots(BEFORE, structuredClone(BEFORE)), []);
});

test('does not count what is different at every look: times, loads, jobs, epochs, ages, order', () => {
  const now = structuredClone(BEFORE);
  now.taken_at = '2027-01-01T00:00:00.000Z';
  now.health = { ...now.health, uptime_s: 9_999, jobs: { running: 3, waiting: 4 } };
  now.jobs = { running: 3, waiting: 4, finished: { succeeded: 5, failed: 6, cancelled: 7 } };
  now.nodes.reverse();
  now.served_models.reverse();
  for (const node of now.nodes) Object.assign(node, { epoch: 7, instance: 'other', slots: 3, reserved: 2, age_s: 4 });
  for (const { document } of now.nodes) Object.assign(document, { revision: 9, node_load: { slots_used: 1 } });
  for (const model of now.served_models) Object.assign(model, { node_age_s: 4, state: 'installed' });
  for (const model of now.models) Object.assign(model, { created: 5, status: 'installed' });
  assert.deepEqual(compareSnapshots(BEFORE, now), []);
});

for (const { what, now, expected } of [
  {
    what: 'a node that is gone, and the model that went with it',
    now: snapshotOf({ two: ['m/b'] }),
    expected: [
      ['missing_node', true, 'one'],
      ['missing_model', true, 'm/a'],
    ],
  },
  {
    what: 'a model that one node no longer serves',
    now: snapshotOf({ one: ['m/a'], two: ['m/b'] }),
    expected: [['missing_served_model', true, 'm/b on one']],
  },
  {
    what: 'another version of the relay',
    now: { ...BEFORE, version: '1.0.1' },
    expected: [['changed_version', true, 'relay']],
  },
  {
    what: 'another version of the protocol, and a changed, a new and a lost limit',
    now: {
      ...BEFORE,
      protocol: { version: 2, limits: { ...withoutFirst(BEFORE.protocol.limits), leaseMs: 1, fresh: 2 } },
    },
    expected: [
      ['changed_version', true, 'protocol'],
      ['changed_limit', true, 'heartbeatIntervalMs'],
      ['changed_limit', true, 'leaseMs'],
      ['changed_limit', true, 'fresh'],
    ],
  },
  {
    what: 'a relay that cannot work, with each of its reasons',
    now: { ...BEFORE, health: { ...BEFORE.health, status: 'degraded' as const, reasons: ['No bus.', 'No disk.'] } },
    expected: [
      ['degraded_health', true, 'No bus.'],
      ['degraded_health', true, 'No disk.'],
    ],
  },
  {
    what: 'a node of another version',
    now: withNodeVersion('two', '2.0.0'),
    expected: [['changed_node_version', true, 'two version']],
  },
  {
    what: 'a node that gets no jobs any more',
    now: withStanding({ one: { state: 'cordoned', since: 5 } }),
    expected: [['changed_node_state', true, 'one']],
  },
] satisfies { what: string; now: Snapshot; expected: unknown[] }[]) {
  test(`fails for ${what}`, () => {
    assert.deepEqual(brief(compareSnapshots(BEFORE, now)), expected);
  });
}

test('notes a new node, a new model and another configuration without failing, and puts failures first', () => {
  const now = snapshotOf({ one: ['m/a', 'm/b'], three: ['m/b', 'm/c'] });
  now.config = [{ setting: 'relay.port', value: 1, origin: 'flag', place: '--port' }];
  assert.deepEqual(brief(compareSnapshots(BEFORE, now)), [
    ['missing_node', true, 'two'],
    ['new_node', false, 'three'],
    ['new_model', false, 'm/c'],
    ['changed_config', false, 'relay.port'],
  ]);
});

test('notes a node that gets jobs again, other labels and another trust, and takes a snapshot that does not say how a node stood as it is', () => {
  const now = withStanding({ two: { labels: { room: 'attic' }, trust: 'approved' } });
  assert.deepEqual(brief(compareSnapshots(BEFORE, now)), [
    ['changed_node_trust', false, 'two'],
    ['changed_node_labels', false, 'two'],
  ]);
  const cordoned = withStanding({ one: { state: 'cordoned' } });
  assert.deepEqual(brief(compareSnapshots(cordoned, BEFORE)), [['changed_node_state', false, 'one']]);
  const older = structuredClone(BEFORE);
  for (const node of older.nodes) delete node.standing;
  assert.deepEqual(compareSnapshots(older, now), []);
  assert.deepEqual(compareSnapshots(now, older), []);
});

test('says what was and what is', () => {
  const [change] = compareSnapshots(BEFORE, { ...BEFORE, version: '1.0.1' });
  assert.deepEqual([change?.before, change?.now], ['1.0.0', '1.0.1']);
});

function withoutFirst(limits: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(limits).slice(1));
}

function withStanding(changes: Record<string, object>): Snapshot {
  const now = structuredClone(BEFORE);
  for (const { node_id, standing } of now.nodes) Object.assign(standing ?? {}, changes[node_id]);
  return now;
}

function withNodeVersion(nodeId: string, version: string): Snapshot {
  const now = structuredClone(BEFORE);
  for (const { node_id, document } of now.nodes) if (node_id === nodeId) document.version = version;
  return now;
}
