import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createNKey } from '../../relay/fabric/bus/nkey.ts';
import type { NodeDetails } from '../../shared/api/nodes.ts';
import type { ListedCode, ListedCodes } from '../../shared/api/pairing.ts';
import { relayStatement } from '../../shared/identity/pairing-transcript.ts';
import { isSignedBy } from '../../shared/identity/signer.ts';
import { base64UrlToBytes } from '../../shared/protocol/base64.ts';
import type { CompletePairing, PairingResponse } from '../../shared/protocol/pairing.ts';
import { registration } from '../support/nodes/miner.ts';
import { adminPost, makeCode, post, type Said, visitor } from '../support/pairing.ts';
import { type Pool, startPool } from '../support/pool.ts';
import { ask, askAsAdmin } from '../support/pool-admin.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

let pool: Pool;
before(async () => {
  pool = await startPool();
});
after(() => pool.close());

function assertRefused(said: Said, code: string): void {
  assert.equal(said.body.code, code, JSON.stringify(said.body));
  assert.ok(said.status >= 400);
}

/** The next visitors come from addresses of their own, so that one test's mistakes do not count in another. */
let lastAddress = 0;
const address = (): string => {
  lastAddress += 1;
  return `198.51.100.${lastAddress}`;
};

test('[P1] the relay signs what it answers, together with the conversation', async () => {
  const { code } = await makeCode(pool.relay);
  const { transcript, complete } = await visitor(pool.relay.url).converse({ code });
  const said = await post(pool.relay.url, '/v1/pairing/complete', complete);
  assert.equal(said.status, 200);
  const answer = said.body as PairingResponse;
  const signature = base64UrlToBytes(answer.relaySignature) ?? new Uint8Array();
  assert.ok(await isSignedBy(transcript.relayKey, relayStatement(transcript, answer), signature));
  const other = relayStatement({ ...transcript, nodeName: 'other' }, answer);
  assert.ok(!(await isSignedBy(transcript.relayKey, other, signature)));
});

test('[P1] the relay keeps its key over a restart', async (t) => {
  const dataFolder = temporaryFolder(t);
  const keys: string[] = [];
  for (let run = 0; run < 2; run += 1) {
    const once = await startPool({ dataFolder });
    keys.push((await visitor(once.relay.url).converse()).transcript.relayKey);
    await once.close();
  }
  assert.match(keys[0] ?? '', /^N[A-Z2-7]{55}$/);
  assert.equal(keys[0], keys[1]);
});

test('[P2] [I2] a machine that is not the relay’s own is let in with a code, and from then on by its key', async () => {
  const node = visitor(pool.relay.url, 'Attic PC');
  assertRefused(await node.enroll(), 'pairing_required');
  const { code } = await makeCode(pool.relay);
  const { body } = await node.complete(code);
  assert.match(String(body.nodeId), /^attic-pc-/);
  assert.equal(body.state, 'active');
  const renewed = await node.enroll();
  assert.equal(renewed.status, 200);
  assert.equal(renewed.body.nodeId, body.nodeId);
  const { key, name } = node;
  assertRefused(await post(pool.relay.url, '/v1/nodes/enroll', { publicKey: key.publicKey, name }), 'pairing_required');
});

for (const [what, lie] of [
  ['another relay', { relayKey: createNKey('server').publicKey }],
  ['another node', { nodeKey: createNKey('user').publicKey }],
  ['another code', { codeId: 'AAAAAAAAAAAAAAAA' }],
  ['another name', { nodeName: 'somebody-else' }],
  ['another purpose', { purpose: 'enroll' }],
  ['another origin', { relay: 'https://evil.example' }],
  ['another challenge', { challenge: 'A'.repeat(72) }],
  ['another protocol', { protocol: 2 }],
] as const) {
  test(`[P3] a signature for ${what} is refused, and the code is still good`, async () => {
    const { code } = await makeCode(pool.relay);
    const node = visitor(pool.relay.url);
    assertRefused(await node.complete(code, { lie }), 'pairing_proof_invalid');
    assert.equal((await node.complete(code)).status, 200);
  });
}

test('[P3] a signature with another key is refused, also when that key belongs to a node', async () => {
  const { code } = await makeCode(pool.relay);
  const signWith = createNKey('user');
  assertRefused(await visitor(pool.relay.url).complete(code, { signWith }), 'pairing_proof_invalid');
  await visitor(pool.relay.url, 'known', signWith).complete(code);
  assertRefused(await visitor(pool.relay.url).enroll({ signWith }), 'pairing_proof_invalid');
});

test('[P3] a relay that knows its address refuses a conversation under any other', async (t) => {
  const once = await startPool({ publicUrl: 'https://relay.example', dataFolder: temporaryFolder(t) });
  t.after(() => once.close());
  const { code, link } = await makeCode(once.relay);
  assert.equal(new URL(link).searchParams.get('relay'), 'https://relay.example');
  const said = await visitor(once.relay.url).complete(code);
  assertRefused(said, 'pairing_proof_invalid');
  assert.match(String(said.body.detail), /Its address is https:\/\/relay\.example/);
  // Nor does it make a link under another: that would let nobody in.
  const order = (relay: string) =>
    post(
      once.relay.url,
      '/v1/admin/pairing-codes',
      { relay },
      {
        authorization: `Bearer ${once.relay.adminToken}`,
      },
    );
  for (const other of ['http://relay:8484', 'http://relay.example', 'http://[']) {
    const refused = await order(other);
    assertRefused(refused, 'invalid_value');
    assert.match(String(refused.body.detail), /know this relay as https:\/\/relay\.example \(public_url\)/);
  }
  assert.equal((await order('https://relay.example/')).status, 201);
});

test('[P4] a conversation that is sent again lets nobody in', async () => {
  const { code } = await makeCode(pool.relay);
  const { complete } = await visitor(pool.relay.url).converse({ code });
  const both = await Promise.all([1, 2].map(() => post(pool.relay.url, '/v1/pairing/complete', complete)));
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 409]);
  assertRefused(await post(pool.relay.url, '/v1/pairing/complete', complete), 'pairing_challenge_invalid');
});

test('[P4] a renewal that is sent again gets no credentials', async () => {
  const node = visitor(pool.relay.url);
  await node.complete((await makeCode(pool.relay)).code);
  const { complete } = await node.converse({ purpose: 'enroll' });
  const body = { publicKey: complete.publicKey, name: complete.name, proof: complete.proof };
  assert.equal((await post(pool.relay.url, '/v1/nodes/enroll', body)).status, 200);
  assertRefused(await post(pool.relay.url, '/v1/nodes/enroll', body), 'pairing_challenge_invalid');
});

test('[P4] a challenge of another node, of another relay or of nobody is refused', async (t) => {
  const other = await startPool({ dataFolder: temporaryFolder(t) });
  t.after(() => other.close());
  const { code } = await makeCode(pool.relay);
  const mine = (await visitor(pool.relay.url).converse({ code })).complete;
  const thief = (await visitor(pool.relay.url, 'thief').converse({ code })).complete;
  const foreign = (await visitor(other.relay.url).converse({ code })).complete;
  const wrong: CompletePairing[] = [
    { ...thief, proof: { ...thief.proof, challenge: mine.proof.challenge } },
    { ...mine, proof: { ...mine.proof, nonce: thief.proof.nonce } },
    { ...mine, proof: { ...mine.proof, challenge: 'A'.repeat(72) } },
    foreign,
  ];
  for (const body of wrong) {
    assertRefused(await post(pool.relay.url, '/v1/pairing/complete', body), 'pairing_challenge_invalid');
  }
});

test('[P6] whoever does not know a code hears the same of every code', async () => {
  const { code } = await makeCode(pool.relay);
  const node = visitor(pool.relay.url);
  const from = address();
  const guess = await node.complete('AAAA-BBBB-CCCC', { from });
  assertRefused(guess, 'pairing_code_invalid');
  // The id of a real code may have been overheard; without the code it opens nothing and tells nothing.
  for (const state of ['unused', 'used']) {
    const { complete } = await node.converse({ code, from });
    const blind = { ...complete, code: { ...complete.code, proof: 'A'.repeat(43) } };
    const said = await post(pool.relay.url, '/v1/pairing/complete', blind, { 'x-forwarded-for': from });
    assert.deepEqual({ ...said.body, request_id: '' }, { ...guess.body, request_id: '' }, state);
    await visitor(pool.relay.url).complete(code);
  }
});

test('[P7] of nodes that race for a code one gets in, and may show it again', async () => {
  const { code } = await makeCode(pool.relay);
  const racers = Array.from({ length: 8 }, (_, i) => visitor(pool.relay.url, `racer-${i}`));
  const said = await Promise.all(racers.map((racer) => racer.complete(code)));
  const winner = said.findIndex(({ status }) => status === 200);
  assert.equal(said.filter(({ status }) => status === 200).length, 1);
  for (const [i, loser] of said.entries()) if (i !== winner) assertRefused(loser, 'pairing_code_used');
  assert.equal((await racers[winner]?.complete(code))?.status, 200);
});

test('[P8] guesses are counted by address: above the limit a right code is refused too, elsewhere it is not', async () => {
  const node = visitor(pool.relay.url);
  const from = address();
  let said = await node.complete('AAAA-BBBB-CCCC', { from });
  for (let tries = 1; said.body.code === 'pairing_code_invalid'; tries += 1) {
    assert.ok(tries < 50, 'guesses are not limited');
    said = await node.complete('AAAA-BBBB-CCCC', { from });
  }
  assertRefused(said, 'too_many_attempts');
  assert.equal(said.status, 429);
  assert.ok(Number(said.headers.get('retry-after')) >= 1);
  const { code } = await makeCode(pool.relay);
  assertRefused(await node.complete(code, { from }), 'too_many_attempts');
  // What stands before the proxy's own entry is hearsay, or a guesser could choose his addresses.
  assertRefused(await node.complete(code, { from: `192.0.2.1, ${from}` }), 'too_many_attempts');
  assert.equal((await node.complete(code, { from: address() })).status, 200);
  assert.equal((await node.enroll({ from })).status, 200, 'who is paired is not held up');
});

test('[P10] with approval asked for, a paired node waits for it', async (t) => {
  const once = await startPool({ approveNodes: true, dataFolder: temporaryFolder(t) });
  t.after(() => once.close());
  const node = visitor(once.relay.url);
  const { body } = await node.complete((await makeCode(once.relay)).code);
  assert.deepEqual([body.state, body.jwt, body.expiresAt], ['pending', null, null]);
  assertRefused(await node.enroll(), 'node_pending');
  assertRefused(await node.complete((await makeCode(once.relay)).code).then(() => node.enroll()), 'node_pending');
  const approved = await adminPost(once.relay, `/v1/admin/nodes/${body.nodeId}/approve`);
  assert.equal(approved.body.state, 'active');
  assert.equal((await node.enroll()).status, 200);
  const headers = { authorization: `Bearer ${once.relay.adminToken}` };
  assert.equal((await visitor(once.relay.url).enroll({ headers })).status, 200, 'the admin token does not wait');
  assert.match((await once.addNode()).nodeId, /^test-/, 'nor does a node of this machine');
});

test('[P11] an open relay lets any key in that signs, on probation until it is approved or paired', async (t) => {
  const once = await startPool({ open: true, dataFolder: temporaryFolder(t) });
  t.after(() => once.close());
  const node = visitor(once.relay.url);
  const { key, name } = node;
  assertRefused(await post(once.relay.url, '/v1/nodes/enroll', { publicKey: key.publicKey, name }), 'pairing_required');
  assertRefused(await node.enroll({ signWith: createNKey('user') }), 'pairing_proof_invalid');
  const { body } = await node.enroll();
  const trust = async () => (await ask<NodeDetails>(once, `/v1/nodes/${body.nodeId}`)).body.trust;
  assert.equal(await trust(), 'probation');
  await node.enroll();
  assert.equal(await trust(), 'probation', 'coming again changes nothing');
  await adminPost(once.relay, `/v1/admin/nodes/${body.nodeId}/approve`);
  assert.equal(await trust(), 'approved');
  await node.complete((await makeCode(once.relay)).code);
  assert.equal(await trust(), 'paired');
});

test('[P11] strangers cannot fill an open relay from one address', async (t) => {
  const once = await startPool({ open: true, dataFolder: temporaryFolder(t) });
  t.after(() => once.close());
  const joins: Said[] = [];
  for (let i = 0; i < 60; i += 1) joins.push(await visitor(once.relay.url).enroll());
  assert.equal(joins[0]?.status, 200);
  assert.equal(joins.at(-1)?.body.code, 'too_many_attempts');
});

test('a code labels the node that uses it', async () => {
  const { code } = await makeCode(pool.relay, { labels: { room: 'attic' } });
  const { body } = await visitor(pool.relay.url).complete(code);
  const node = await adminPost(pool.relay, `/v1/admin/nodes/${body.nodeId}/approve`);
  assert.deepEqual(node.body.labels, { room: 'attic' });
});

test('the link of a code names relay and key, and the code is nowhere in the data folder', async () => {
  const { code, link, expiresAt } = await makeCode(pool.relay, { relay: 'http://10.0.0.7:8484' });
  const { searchParams } = new URL(link);
  assert.equal(searchParams.get('relay'), 'http://10.0.0.7:8484');
  assert.equal(searchParams.get('code'), code);
  assert.equal(searchParams.get('key'), (await visitor(pool.relay.url).converse()).transcript.relayKey);
  assert.ok(Math.abs(expiresAt - Date.now() - 600_000) < 60_000);
  const { readdirSync, readFileSync } = await import('node:fs');
  for (const name of readdirSync(pool.dataFolder)) {
    if (!/sqlite/.test(name)) continue;
    const bytes = readFileSync(`${pool.dataFolder}/${name}`, 'latin1');
    assert.ok(!bytes.includes(code) && !bytes.includes(code.replaceAll('-', '')), name);
  }
});

test('[P15] the operator sees what codes there are and what became of them, never the codes', async () => {
  const made = await makeCode(pool.relay, { labels: { room: 'attic' } });
  const used = await makeCode(pool.relay);
  const { body } = await visitor(pool.relay.url).complete(used.code);
  const { body: list } = await askAsAdmin<ListedCodes>(pool, '/v1/admin/pairing-codes');
  const find = (id: string) => list.data.find((code) => code.id === id);
  assert.deepEqual([find(made.id)?.state, find(made.id)?.labels], ['open', { room: 'attic' }]);
  assert.deepEqual([find(used.id)?.state, find(used.id)?.usedBy], ['used', body.nodeId]);
  assert.doesNotMatch(JSON.stringify(list), new RegExp(`${made.code}|secret`));
});

test('[P15] a code that the operator withdrew lets nobody in, and whoever it let in before stays', async () => {
  const withdraw = async (id: string) => {
    const headers = { authorization: `Bearer ${pool.relay.adminToken}` };
    return pool.request(`/v1/admin/pairing-codes/${id}`, { method: 'DELETE', headers });
  };
  const made = await makeCode(pool.relay);
  assert.equal(((await (await withdraw(made.id)).json()) as ListedCode).state, 'expired');
  assertRefused(await visitor(pool.relay.url).complete(made.code, { from: address() }), 'pairing_code_expired');
  const used = await makeCode(pool.relay);
  const node = visitor(pool.relay.url);
  await node.complete(used.code);
  assert.equal((await withdraw(used.id)).status, 200);
  assert.equal((await node.enroll()).status, 200);
  assertRefused(await node.complete(used.code), 'pairing_code_expired');
  assert.equal((await withdraw('A'.repeat(16))).status, 404);
  assert.equal((await pool.request(`/v1/admin/pairing-codes/${made.id}`, { method: 'DELETE' })).status, 403);
});

test('codes, approval and revocation are for the operator alone', async () => {
  for (const path of ['pairing-codes', 'nodes/x/approve', 'nodes/x/revoke']) {
    for (const headers of [{}, { authorization: `Bearer ${pool.relay.apiKey}` }]) {
      const { status } = await post(pool.relay.url, `/v1/admin/${path}`, {}, headers as Record<string, string>);
      assert.ok(status === 401 || status === 403, `${path} ${status}`);
    }
  }
  assertRefused(await adminPost(pool.relay, '/v1/admin/nodes/nobody-x/approve'), 'node_not_found');
  assertRefused(await adminPost(pool.relay, '/v1/admin/nodes/nobody-x/revoke'), 'node_not_found');
});

test('fields that are too long, of a wrong shape or unknown are refused before anything is looked at', async () => {
  const { code } = await makeCode(pool.relay);
  const { complete } = await visitor(pool.relay.url).converse({ code });
  const { proof } = complete;
  const wrong = [
    { ...complete, name: 'x'.repeat(65) },
    { ...complete, name: '' },
    { ...complete, publicKey: 'U*' },
    { ...complete, proof: { ...proof, challenge: 'A'.repeat(300) } },
    { ...complete, proof: { ...proof, signature: 'A'.repeat(10_000) } },
    { ...complete, proof: { ...proof, nonce: 'short' } },
    { ...complete, proof: { ...proof, relay: 'javascript:alert(1)' } },
    { ...complete, proof: { ...proof, more: 1 } },
    { ...complete, code: { ...complete.code, id: `${complete.code.id}x` } },
    { ...complete, code: null },
    { ...complete, more: 1 },
  ];
  for (const body of wrong) {
    const said = await post(pool.relay.url, '/v1/pairing/complete', body);
    assert.equal(said.status, 400, JSON.stringify(said.body));
  }
  const unsound = {
    ...complete,
    publicKey: `${complete.publicKey.slice(0, -1)}${complete.publicKey.endsWith('A') ? 'B' : 'A'}`,
  };
  assertRefused(await post(pool.relay.url, '/v1/pairing/complete', unsound), 'pairing_challenge_invalid');
  assert.equal((await post(pool.relay.url, '/v1/pairing/complete', complete)).status, 200);
});

test('half a character in a name is refused, and no fault of the relay', async () => {
  const node = visitor(pool.relay.url);
  const asked = `{"publicKey":"${node.key.publicKey}","name":"\\ud800","nonce":"${'A'.repeat(43)}"}`;
  const response = await fetch(`${pool.relay.url}/v1/pairing/challenge`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: asked,
  });
  assert.equal(response.status, 400);
  const challenge = 'A'.repeat(72);
  const proof = { relay: pool.relay.url, nonce: 'A'.repeat(43), challenge, signature: 'A'.repeat(86) };
  const said = await fetch(`${pool.relay.url}/v1/nodes/enroll`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ publicKey: node.key.publicKey, name: '\ud800', proof }),
  });
  assert.equal(said.status, 400);
});

for (const [what, name] of [
  ['a control character', 'attic\u001b[2K'],
  ['one of the second block', 'attic\u009b2K'],
  ['an override of direction', 'attic \u202ecp'],
  ['an isolate', '\u2066attic\u2069'],
] as const) {
  test(`[P17] a name with ${what} is refused with a sentence wherever a node tells it, and such a label, too`, async () => {
    const { publicKey } = createNKey('user');
    const labels = { labels: { room: name } };
    const admin = { authorization: `Bearer ${pool.relay.adminToken}` };
    const { nodeId } = await pool.addNode();
    const refused = [
      ['/v1/nodes/enroll', { publicKey, name }, 'name'],
      ['/v1/pairing/challenge', { publicKey, name, nonce: 'A'.repeat(22) }, 'name'],
      ['/v1/miners/register', registration({ name }), 'name'],
      ['/v1/admin/pairing-codes', labels, 'labels.room'],
      [`/v1/admin/nodes/${nodeId}/labels`, labels, 'labels.room'],
    ] as const;
    for (const [path, body, param] of refused) {
      const { status, body: said } = await post(pool.relay.url, path, body, admin);
      assert.deepEqual(
        [path, status, said.code, (said.error as { param: string }).param],
        [path, 400, 'invalid_value', param],
      );
      assert.match(String(said.detail), /must have no control characters and none that turn the direction of writing/);
    }
  });
}

test('[P17] joiners that scripts and emoji need stay in a name, and in a label', async () => {
  const name = '👩\u200d💻 می\u200cخواهم';
  const { code } = await makeCode(pool.relay, { labels: { owner: name } });
  const { status, body } = await visitor(pool.relay.url, name).complete(code);
  assert.equal(status, 200, JSON.stringify(body));
  const { body: node } = await ask<NodeDetails>(pool, `/v1/nodes/${String(body.nodeId)}`);
  assert.equal(node.labels.owner, name);
});
