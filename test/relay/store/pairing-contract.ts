import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { KnownNode, PairingCodeRecord } from '../../../relay/store/pairing-store.ts';
import { isProblem } from '../../support/problems.ts';
import type { StorePlace } from './store-contract.ts';
import { nodeRecord, T0 } from './store-records.ts';

const code = (codeId: string, change: Partial<PairingCodeRecord> = {}): PairingCodeRecord => ({
  codeId,
  secret: `secret of ${codeId}`,
  labels: { room: 'attic' },
  createdAt: T0,
  expiresAt: T0 + 600_000,
  usedAt: null,
  usedBy: null,
  ...change,
});

const knownNode = (nodeId: string, change: Partial<KnownNode> = {}): KnownNode => ({
  ...nodeRecord(nodeId),
  state: 'active',
  trust: 'paired',
  labels: { room: 'attic' },
  pairedAt: T0,
  lastSeenAt: T0,
  revokedAt: null,
  ...change,
});

/** Tells what every store owes to pairing. */
export function describePairingContract(name: string, makePlace: (t: TestContext) => Promise<StorePlace>): void {
  const contract = (sentence: string, prove: (place: StorePlace) => Promise<void>) =>
    test(`${name}: ${sentence}`, async (t) => prove(await makePlace(t)));

  contract('gives a pairing code back as it was made, also after a crash', async (place) => {
    const { pairing } = await place.open();
    await pairing.putCode(code('a'));
    assert.deepEqual(await pairing.findCode('a'), code('a'));
    assert.equal(await pairing.findCode('b'), undefined);
    const after = await (await place.afterCrash()).open();
    assert.deepEqual(await after.pairing.findCode('a'), code('a'));
  });

  contract('gives a code to one of many nodes, and to that one again', async (place) => {
    const { pairing } = await place.open();
    await pairing.putCode(code('a'));
    const claims = ['n1', 'n2', 'n3'].map((nodeId) => pairing.claimCode({ codeId: 'a', nodeId, at: T0 + 1 }));
    assert.deepEqual(await Promise.all(claims), ['claimed', 'used', 'used']);
    assert.equal(await pairing.claimCode({ codeId: 'a', nodeId: 'n1', at: T0 + 2 }), 'claimed');
    assert.deepEqual(await pairing.findCode('a'), code('a', { usedAt: T0 + 1, usedBy: 'n1' }));
    const after = await (await place.afterCrash()).open();
    assert.equal(await after.pairing.claimCode({ codeId: 'a', nodeId: 'n2', at: T0 + 3 }), 'used');
  });

  contract('gives no code at or after its end, and none that it does not know', async (place) => {
    const { pairing } = await place.open();
    await pairing.putCode(code('a'));
    assert.equal(await pairing.claimCode({ codeId: 'a', nodeId: 'n1', at: T0 + 600_000 }), 'expired');
    assert.equal(await pairing.claimCode({ codeId: 'b', nodeId: 'n1', at: T0 }), 'unknown');
    assert.equal(await pairing.claimCode({ codeId: 'a', nodeId: 'n1', at: T0 + 599_999 }), 'claimed');
    await pairing.pruneCodes(T0 + 600_000);
    assert.ok(await pairing.findCode('a'));
    await pairing.pruneCodes(T0 + 600_001);
    assert.equal(await pairing.findCode('a'), undefined);
  });

  contract('lists the codes made last, newest first, and no more than it is asked for', async (place) => {
    const { pairing } = await place.open();
    assert.deepEqual(await pairing.listCodes(10), []);
    for (const [id, createdAt] of [['b', T0 + 1] as const, ['c', T0 + 2] as const, ['a', T0] as const]) {
      await pairing.putCode(code(id, { createdAt }));
    }
    assert.deepEqual(await pairing.listCodes(2), [code('c', { createdAt: T0 + 2 }), code('b', { createdAt: T0 + 1 })]);
  });

  contract(
    'gives nobody a code that was withdrawn, also not the node that had it, and across a crash',
    async (place) => {
      const { pairing } = await place.open();
      await pairing.putCode(code('a'));
      await pairing.putCode(code('b'));
      await pairing.claimCode({ codeId: 'b', nodeId: 'n1', at: T0 + 1 });
      assert.deepEqual(await pairing.withdrawCode('a', T0 + 5), code('a', { expiresAt: T0 + 5 }));
      await pairing.withdrawCode('b', T0 + 5);
      assert.equal(await pairing.withdrawCode('nothing', T0), undefined);
      const after = await (await place.afterCrash()).open();
      for (const codeId of ['a', 'b']) {
        assert.equal(await after.pairing.claimCode({ codeId, nodeId: 'n1', at: T0 + 6 }), 'expired');
      }
      assert.equal((await after.pairing.withdrawCode('a', T0 + 9))?.expiresAt, T0 + 5);
    },
  );

  contract('knows how a node stands, also one that an earlier version remembered', async (place) => {
    const { nodes, pairing } = await place.open();
    await pairing.admitNode(knownNode('desk-1', { state: 'pending' }));
    await nodes.rememberNode(nodeRecord('desk-2'));
    const older = { ...knownNode('desk-2', { trust: 'local', labels: {} }), pairedAt: null, lastSeenAt: null };
    assert.deepEqual(await pairing.listKnownNodes(), [knownNode('desk-1', { state: 'pending' }), older]);
    const later = knownNode('desk-1', { pairedAt: T0 + 5, labels: {}, trust: 'local' });
    assert.deepEqual(await pairing.admitNode(later), later);
    assert.deepEqual(
      (await nodes.listNodes()).map(({ nodeId }) => nodeId),
      ['desk-1', 'desk-2'],
    );
  });

  contract('lets no other key have the id of a node', async (place) => {
    const { pairing } = await place.open();
    await pairing.admitNode(knownNode('desk-1'));
    const thief = knownNode('desk-1', { publicKey: 'U_thief' });
    await assert.rejects(pairing.admitNode(thief), isProblem('node_identity_taken', /desk-1/));
    assert.deepEqual(await pairing.listKnownNodes(), [knownNode('desk-1')]);
  });

  contract('keeps a node revoked whatever is admitted, until it is approved', async (place) => {
    const { pairing } = await place.open();
    await pairing.admitNode(knownNode('desk-1'));
    const revoked = knownNode('desk-1', { state: 'revoked', revokedAt: T0 + 9 });
    assert.deepEqual(await pairing.revokeNode('desk-1', T0 + 9), revoked);
    assert.deepEqual(await pairing.admitNode(knownNode('desk-1', { lastSeenAt: T0 + 10 })), revoked);
    const after = await (await place.afterCrash()).open();
    assert.deepEqual(await after.pairing.listKnownNodes(), [revoked]);
    assert.deepEqual(await pairing.approveNode('desk-1'), { ...revoked, state: 'active' });
  });

  contract('forgets a node and keeps its id for its key alone, until it is admitted anew', async (place) => {
    const { pairing, nodeAdmin, miners, nodes } = await place.open();
    for (const id of ['desk-1', 'desk-2']) {
      await pairing.admitNode(knownNode(id));
      await nodeAdmin.putNodeAdmin({ nodeId: id, state: 'cordoned', reason: null, since: T0 });
      await miners.putMiner({ nodeId: id, tokenHash: `hash of ${id}`, terms: '{}', issuedAt: T0 });
    }
    const publicKey = knownNode('desk-1').publicKey;
    assert.equal(await nodes.nextEpoch('desk-1'), 1);
    const left = { nodeId: 'desk-1', publicKey, revokedAt: T0 + 9 };
    assert.deepEqual(await pairing.forgetNode('desk-1', T0 + 9), left);
    assert.equal(await pairing.forgetNode('desk-1', T0 + 10), undefined);
    assert.equal(await pairing.forgetNode('nobody', T0), undefined);
    const after = await (await place.afterCrash()).open();
    assert.deepEqual(await after.pairing.listKnownNodes(), [knownNode('desk-2')]);
    assert.deepEqual(await after.pairing.listForgottenNodes(), [left]);
    const others = [await after.nodeAdmin.listNodeAdmin(), await after.miners.listMiners()];
    assert.deepEqual(
      others.map((records) => records.map(({ nodeId }) => nodeId)),
      [['desk-2'], ['desk-2']],
    );
    assert.equal(await after.pairing.approveNode('desk-1'), undefined);
    assert.equal(await after.pairing.revokeNode('desk-1', T0), undefined);
    assert.equal(await after.pairing.labelNode('desk-1', {}), undefined);
    const thief = knownNode('desk-1', { publicKey: 'U_thief' });
    await assert.rejects(after.pairing.admitNode(thief), isProblem('node_identity_taken', /desk-1/));
    const anew = knownNode('desk-1', { labels: {}, trust: 'approved', pairedAt: T0 + 20 });
    assert.deepEqual(await after.pairing.admitNode(anew), { ...anew, revokedAt: T0 + 9 });
    assert.deepEqual(await after.pairing.listForgottenNodes(), []);
    assert.equal(await after.nodes.nextEpoch('desk-1'), 2, 'no epoch comes twice');
  });

  contract('forgets a node without making void what was not', async (place) => {
    const { pairing } = await place.open();
    await pairing.admitNode(knownNode('desk-1'));
    await pairing.revokeNode('desk-1', T0 + 3);
    assert.equal((await pairing.forgetNode('desk-1', null))?.revokedAt, T0 + 3);
    await pairing.admitNode(knownNode('desk-2'));
    assert.equal((await pairing.forgetNode('desk-2', null))?.revokedAt, null);
  });

  contract('labels a node, sees it later and never earlier, and skips nodes it does not know', async (place) => {
    const { pairing } = await place.open();
    await pairing.admitNode(knownNode('desk-1'));
    assert.deepEqual((await pairing.labelNode('desk-1', { gpu: 'rtx' }))?.labels, { gpu: 'rtx' });
    await pairing.touchNodes([
      { nodeId: 'desk-1', seenAt: T0 + 7 },
      { nodeId: 'nobody', seenAt: T0 + 7 },
    ]);
    await pairing.admitNode(knownNode('desk-2'));
    await pairing.touchNodes([{ nodeId: 'desk-1', seenAt: T0 + 3 }]);
    assert.deepEqual(
      (await pairing.listKnownNodes()).map(({ nodeId, lastSeenAt }) => [nodeId, lastSeenAt]),
      [
        ['desk-1', T0 + 7],
        ['desk-2', T0],
      ],
    );
    assert.equal(await pairing.approveNode('nobody'), undefined);
    assert.equal(await pairing.revokeNode('nobody', T0), undefined);
    assert.equal(await pairing.labelNode('nobody', {}), undefined);
  });
}
