import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Admittance, decideAdmission } from '../../../relay/pairing/admission.ts';
import type { KnownNode } from '../../../relay/store/pairing-store.ts';
import { isProblem } from '../../support/problems.ts';

const WHO = { nodeId: 'attic-x', publicKey: 'U1', name: 'attic' };
const CLOSED = { open: false, approve: false };
const known = (change: Partial<KnownNode>): KnownNode => ({
  ...WHO,
  firstSeenAt: 1,
  state: 'active',
  trust: 'local',
  labels: {},
  pairedAt: null,
  lastSeenAt: 1,
  revokedAt: null,
  ...change,
});
const standing = ({ state, trust }: KnownNode): string => `${state} ${trust}`;

for (const [admittance, rules, before, after] of [
  ['local', CLOSED, undefined, 'active local'],
  ['local', { open: true, approve: true }, undefined, 'active local'],
  ['local', CLOSED, known({ trust: 'paired' }), 'active paired'],
  ['local', CLOSED, known({ state: 'pending', trust: 'probation' }), 'active local'],
  ['admin', { open: false, approve: true }, undefined, 'active paired'],
  ['admin', CLOSED, known({ trust: 'probation' }), 'active paired'],
  ['code', CLOSED, undefined, 'active paired'],
  ['code', { open: false, approve: true }, undefined, 'pending paired'],
  ['code', { open: false, approve: true }, known({}), 'active paired'],
  ['code', CLOSED, known({ state: 'pending', trust: 'probation' }), 'pending paired'],
  ['key', { open: true, approve: false }, undefined, 'active probation'],
  ['key', { open: true, approve: true }, undefined, 'pending probation'],
  ['key', CLOSED, known({ state: 'pending', trust: 'paired' }), 'pending paired'],
  ['key', CLOSED, known({ trust: 'probation' }), 'active probation'],
] as [Admittance, typeof CLOSED, KnownNode | undefined, string][]) {
  const stood = before === undefined ? 'a stranger' : `a node that was ${standing(before)}`;
  test(`[P10] [P11] ${stood} becomes ${after} by ${admittance} with ${JSON.stringify(rules)}`, () => {
    assert.equal(standing(decideAdmission({ ...WHO, admittance }, before, rules, 5)), after);
  });
}

test('[P2] a stranger with nothing but a key is refused by a relay that is not open', () => {
  const apply = () => decideAdmission({ ...WHO, admittance: 'key' }, undefined, CLOSED, 5);
  assert.throws(apply, isProblem('pairing_required', /--pair CODE/));
});

test('labels of a code are added to those a node has, and times are kept', () => {
  const before = known({ labels: { room: 'attic', floor: '2' }, firstSeenAt: 1 });
  const after = decideAdmission({ ...WHO, admittance: 'code', labels: { room: 'cellar' } }, before, CLOSED, 5);
  assert.deepEqual(after.labels, { room: 'cellar', floor: '2' });
  assert.deepEqual([after.firstSeenAt, after.pairedAt, after.lastSeenAt], [1, 5, 5]);
});

test('[P16] a forgotten key is refused where any other would come in, and comes with a code or from this machine', () => {
  const open = { open: true, approve: false };
  const apply = (admittance: Admittance, before?: KnownNode) =>
    decideAdmission({ ...WHO, admittance, isForgotten: true }, before, open, 5);
  assert.throws(() => apply('key'), isProblem('pairing_required', /--pair CODE/));
  assert.equal(standing(apply('code')), 'active paired');
  assert.equal(standing(apply('local')), 'active local');
  assert.equal(standing(apply('admin')), 'active paired');
  assert.equal(standing(apply('key', known({}))), 'active local', 'under another name that is known');
});
