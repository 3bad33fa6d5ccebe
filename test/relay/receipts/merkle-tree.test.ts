import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  consistencyProof,
  EMPTY_ROOT,
  hashOfRun,
  inclusionProof,
  isStoredLevel,
  leafHash,
  type NodeRun,
  nodesOfNextLeaf,
  type ReadNode,
  rootOf,
  storedRunOf,
  subtreesFilledBy,
} from '../../../relay/receipts/log/merkle-tree.ts';
import type { Sha256 } from '../../../shared/receipts/log/tree-hashes.ts';
import { isConsistent, isIncluded } from '../../../shared/receipts/log/verify-proofs.ts';

/** The leaves with which RFC 6962's reference implementation is tested, and the roots it gives after each. */
const REFERENCE_LEAVES = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
];
const REFERENCE_ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

type Tree = { size: number; leaves: Sha256[]; read: ReadNode };

function grow(contents: Uint8Array[]): Tree {
  const nodes = new Map<string, Sha256>();
  const read: ReadNode = ({ level, index }) => {
    const found = nodes.get(`${level}/${index}`);
    if (found === undefined) throw new Error(`node ${level}/${index} was never written`);
    return found;
  };
  const leaves = contents.map(leafHash);
  for (const [size, leaf] of leaves.entries()) {
    for (const node of nodesOfNextLeaf(size, leaf, read)) {
      assert.ok(!nodes.has(`${node.level}/${node.index}`), 'a node is written twice');
      nodes.set(`${node.level}/${node.index}`, node.hash);
    }
  }
  return { size: leaves.length, leaves, read };
}

/** The definition of RFC 6962, section 2.1, word by word. */
function rootByDefinition(leaves: Sha256[]): Sha256 {
  const [only] = leaves;
  if (only === undefined) return createHash('sha256').digest();
  if (leaves.length === 1) return only;
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return createHash('sha256')
    .update(Uint8Array.of(1))
    .update(rootByDefinition(leaves.slice(0, split)))
    .update(rootByDefinition(leaves.slice(split)))
    .digest();
}

function hex(bytes: Sha256): string {
  return Buffer.from(bytes).toString('hex');
}

function numbered(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, index) => Buffer.from(`receipt ${index}`));
}

test('gives the roots of the reference implementation', () => {
  const contents = REFERENCE_LEAVES.map((text) => Buffer.from(text, 'hex'));
  for (const [index, expected] of REFERENCE_ROOTS.entries()) {
    const { size, read } = grow(contents.slice(0, index + 1));
    assert.equal(hex(rootOf(size, read)), expected);
  }
  assert.equal(hex(EMPTY_ROOT), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
});

test('every root of every size up to 130 is that of the definition', () => {
  const { leaves, read } = grow(numbered(130));
  for (let size = 0; size <= leaves.length; size++) {
    assert.equal(hex(rootOf(size, read)), hex(rootByDefinition(leaves.slice(0, size))), `size ${size}`);
  }
});

test('every leaf of every tree up to 40 proves its place, and no other place', async () => {
  const { leaves, read } = grow(numbered(40));
  for (let size = 1; size <= leaves.length; size++) {
    const root = rootOf(size, read);
    for (let leaf = 0; leaf < size; leaf++) {
      const proof = inclusionProof(leaf, size, read);
      const claim = { leafHash: leaves[leaf] as Sha256, leaf, size, root, proof };
      assert.equal(await isIncluded(claim), true, `leaf ${leaf} of ${size}`);
      assert.equal(await isIncluded({ ...claim, leaf: (leaf + 1) % Math.max(size, 2) }), false);
    }
  }
});

test('every older tree up to 40 proves to be a beginning of every newer one', async () => {
  const { leaves, read } = grow(numbered(40));
  for (let newer = 0; newer <= leaves.length; newer++) {
    for (let older = 0; older <= newer; older++) {
      const claim = {
        older: { size: older, root: rootOf(older, read) },
        newer: { size: newer, root: rootOf(newer, read) },
        proof: consistencyProof(older, newer, read),
      };
      assert.equal(await isConsistent(claim), true, `${older} in ${newer}`);
    }
  }
});

const history = fc.record({ count: fc.integer({ min: 2, max: 200 }), changed: fc.nat(), cut: fc.nat() });

test('a log in which one receipt was changed, dropped or inserted is no continuation of what was seen before', async () => {
  await fc.assert(
    fc.asyncProperty(
      history,
      fc.constantFrom('changed', 'dropped', 'inserted'),
      async ({ count, changed, cut }, way) => {
        const contents = numbered(count);
        const at = changed % (count - 1);
        const seen = at + 1 + (cut % (count - at - 1 || 1));
        const forged = [...contents];
        const other = Buffer.from('something else');
        if (way === 'changed') forged[at] = other;
        else if (way === 'dropped') forged.splice(at, 1);
        else forged.splice(at, 0, other);
        if (forged.length < seen) return;
        const before = grow(contents);
        const after = grow(forged);
        const claim = {
          older: { size: seen, root: rootOf(seen, before.read) },
          newer: { size: after.size, root: rootOf(after.size, after.read) },
          proof: consistencyProof(seen, after.size, after.read),
        };
        assert.equal(await isConsistent(claim), false);
      },
    ),
    { seed: 4, numRuns: 150 },
  );
});

test('a proof with anything changed in it, too short or too long proves nothing', async () => {
  const { leaves, size, read } = grow(numbered(37));
  const root = rootOf(size, read);
  const sound = { leafHash: leaves[20] as Sha256, leaf: 20, size, root, proof: inclusionProof(20, size, read) };
  const older = { size: 21, root: rootOf(21, read) };
  const steady = { older, newer: { size, root }, proof: consistencyProof(21, size, read) };
  const flip = (hash: Sha256 | undefined) => Uint8Array.from(hash ?? [], (byte, at) => (at === 5 ? byte ^ 1 : byte));
  for (const [index] of sound.proof.entries()) {
    assert.equal(await isIncluded({ ...sound, proof: sound.proof.with(index, flip(sound.proof[index])) }), false);
  }
  for (const [index] of steady.proof.entries()) {
    assert.equal(await isConsistent({ ...steady, proof: steady.proof.with(index, flip(steady.proof[index])) }), false);
  }
  for (const wrong of [sound.proof.slice(1), sound.proof.slice(0, -1), [...sound.proof, root], []]) {
    assert.equal(await isIncluded({ ...sound, proof: wrong }), false);
  }
  for (const wrong of [steady.proof.slice(1), steady.proof.slice(0, -1), [...steady.proof, root], []]) {
    assert.equal(await isConsistent({ ...steady, proof: wrong }), false);
  }
  for (const number of [-1, 0.5, size, Number.NaN, 2 ** 53]) {
    assert.equal(await isIncluded({ ...sound, leaf: number }), false);
    assert.equal(await isConsistent({ ...steady, older: { ...older, size: number } }), false);
  }
});

test('a proof that fits a tree of another height proves nothing, nor does one where none is needed', async () => {
  const { leaves, size, read } = grow(numbered(37));
  const root = rootOf(size, read);
  const [other] = leaves as [Sha256, ...Sha256[]];
  const above = (right: Sha256) => createHash('sha256').update(Uint8Array.of(1)).update(other).update(right).digest();
  const [older, newer] = [
    { size: 21, root: rootOf(21, read) },
    { size, root },
  ];
  const proof = consistencyProof(21, size, read);
  const higher = {
    older: { size: 21, root: above(older.root) },
    newer: { size, root: above(root) },
    proof: [...proof, other],
  };
  const [two, one] = [rootOf(2, read), rootOf(1, read)];
  const wrong = [
    higher,
    { older, newer: { size: 128, root }, proof },
    { older: { size: 2, root: two }, newer: { size: 1, root: two }, proof: [] },
    { older: newer, newer, proof: [other] },
    { older: { size: 1.5, root: one }, newer: { size: 2, root: two }, proof: [one, leaves[1] as Sha256] },
    { older: { size: 1, root: one }, newer: { size: 2.5, root: two }, proof: [leaves[1] as Sha256] },
    { older: { size, root: root.slice(0, 16) }, newer, proof: [] },
  ];
  for (const [at, claim] of wrong.entries()) assert.equal(await isConsistent(claim), false, `claim ${at}`);
  const place = { leafHash: leaves[20] as Sha256, leaf: 20, size };
  const path = inclusionProof(20, size, read);
  assert.equal(await isIncluded({ ...place, root: above(root), proof: [...path, other] }), false);
  assert.equal(await isIncluded({ ...place, size: 128, root, proof: path }), false);
});

test('what is stored of a log is enough for every root and every proof', () => {
  const sizes = [1, 15, 16, 17, 255, 256, 257, 300];
  const contents = numbered(300);
  const stored = new Map<string, Sha256>();
  const readRun = ({ level, index, count }: NodeRun): Sha256[] =>
    Array.from({ length: count }, (_, at) => {
      const found = stored.get(`${level}/${index + at}`);
      if (found === undefined) throw new Error(`node ${level}/${index + at} was never stored`);
      return found;
    });
  const read: ReadNode = (node) => hashOfRun(readRun(storedRunOf(node)));
  const whole = grow(contents);
  for (const [leaf, hash] of whole.leaves.entries()) {
    stored.set(`0/${leaf}`, hash);
    for (const { node, run } of subtreesFilledBy(leaf)) {
      assert.ok(isStoredLevel(node.level));
      stored.set(`${node.level}/${node.index}`, hashOfRun(readRun(run)));
    }
    if (!sizes.includes(leaf + 1)) continue;
    assert.equal(hex(rootOf(leaf + 1, read)), hex(rootOf(leaf + 1, whole.read)));
    for (const proven of [0, leaf >> 1, leaf]) {
      assert.deepEqual(inclusionProof(proven, leaf + 1, read), inclusionProof(proven, leaf + 1, whole.read));
      assert.deepEqual(consistencyProof(proven, leaf + 1, read), consistencyProof(proven, leaf + 1, whole.read));
    }
  }
  assert.equal(stored.size, 300 + 18 + 1);
});

test('refuses to prove what is not so', () => {
  const { size, read } = grow(numbered(5));
  assert.throws(() => inclusionProof(5, size, read), RangeError);
  assert.throws(() => consistencyProof(6, size, read), RangeError);
  assert.throws(() => consistencyProof(-1, size, read), RangeError);
});
