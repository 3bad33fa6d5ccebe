import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNodeTable } from '../../../relay/fabric/nodes/node-table.ts';
import { createNodeChanges } from '../../../relay/live/node-changes.ts';
import type { KnownNode } from '../../../relay/store/pairing-store.ts';
import type { NodeSummary } from '../../../shared/api/nodes.ts';
import { admission, documentFor } from '../../support/nodes/live-nodes.ts';

test('tells of a node when anything that is shown of it is another than before, and only then', () => {
  const table = createNodeTable();
  let known = ['attic', 'cellar'].map((nodeId) => ({ nodeId }) as KnownNode);
  let reason: string | null = null;
  const changes = createNodeChanges({
    register: { after: () => known },
    table,
    directory: { summaryOf: (id) => ({ id, reason, status: table.get(id) ? 'ready' : 'offline' }) as NodeSummary },
    most: 10,
  });
  const told = (): string[] => changes.take().map(({ id }) => id);
  const steps: [string, () => unknown, string[]][] = [
    ['at first', () => undefined, ['attic', 'cellar']],
    ['nothing', () => undefined, []],
    ['it comes', () => table.admit(admission('attic', ['a/b'])), ['attic']],
    ['it beats', () => table.heard('attic', 5, 1), []],
    ['its owner gives more slots', () => table.heard('attic', 6, 2), ['attic']],
    ['another document', () => table.refresh('attic', documentFor('attic', ['a/c'])), ['attic']],
    ['another standing', () => table.setStanding('attic', { ...standing(), state: 'cordoned' }), ['attic']],
    ['other labels', () => (known = known.map((node) => ({ ...node }))), ['attic']],
    ['it goes', () => table.remove('attic', 'gone'), ['attic']],
    ['it stays away', () => undefined, []],
    ['what the operator says of those that are away', () => (reason = 'a new card'), ['attic', 'cellar']],
  ];
  for (const [name, step, expected] of steps) {
    step();
    assert.deepEqual(told(), expected, name);
  }
  table.admit(admission('attic', ['a/b']));
  told();
  const node = table.get('attic');
  assert.ok(node);
  const release = table.reserve(node);
  assert.deepEqual(told(), ['attic'], 'a job begins');
  release();
  assert.deepEqual(told(), ['attic'], 'a job ends');
  changes.forget();
  assert.deepEqual(told(), ['attic', 'cellar'], 'all anew');
  assert.deepEqual(changes.takeForgotten(), []);
  known = known.filter(({ nodeId }) => nodeId !== 'cellar');
  assert.deepEqual([told(), changes.takeForgotten(), changes.takeForgotten()], [[], ['cellar'], []]);
  known.push({ nodeId: 'cellar' } as KnownNode);
  assert.deepEqual([told(), changes.takeForgotten()], [['cellar'], []], 'it is paired anew');
  known = known.filter(({ nodeId }) => nodeId !== 'attic');
  assert.deepEqual(changes.takeForgotten(), ['attic'], 'one that was connected');
  known.unshift({ nodeId: 'attic' } as KnownNode);
  told();
  assert.equal(changes.all().length, 2);

  function standing() {
    return { state: 'active', reason: null, since: null, labels: {}, trust: 'paired' } as const;
  }
});

test('tells of those that are no longer among the first, which it tells nothing more of', () => {
  const table = createNodeTable();
  let ids = ['boiler', 'cellar', 'drawer'];
  const changes = createNodeChanges({
    register: { after: (_id, most) => ids.slice(0, most).map((nodeId) => ({ nodeId }) as KnownNode) },
    table,
    directory: { summaryOf: (id) => ({ id }) as NodeSummary },
    most: 2,
  });
  const told = (): string[][] => [changes.take().map(({ id }) => id), changes.takeForgotten()];
  assert.deepEqual(told(), [['boiler', 'cellar'], []]);
  table.admit(admission('cellar', ['a/b']));
  assert.deepEqual(told(), [['cellar'], []]);
  ids = ['attic', ...ids];
  assert.deepEqual(told(), [['attic'], ['cellar']]);
  assert.deepEqual(told(), [[], []]);
  ids = ids.filter((id) => id !== 'boiler');
  assert.deepEqual(told(), [['cellar'], ['boiler']]);
});
