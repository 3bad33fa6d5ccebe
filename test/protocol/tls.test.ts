import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { request } from 'node:https';
import { describe, it } from 'node:test';
import { type ConnectToBus, connectToBus } from '../../shared/agent/nats-connection.ts';
import { pinsInMemory } from '../../shared/agent/relay-conversation.ts';
import { assertSameAuthority } from '../../shared/agent/relay-tls.ts';
import { fingerprintOf } from '../../shared/identity/certificate-fingerprint.ts';
import { parseInvitation } from '../../shared/identity/pairing-link.ts';
import type { NodeProof } from '../../shared/protocol/pairing.ts';
import { freePort } from '../support/network/free-port.ts';
import { type Identity, newAuthority, nodeIdentity, serverIdentity } from '../support/network/tls.ts';
import { askForNode, LAN, needsLan, startMiddleMan, startTlsRelay, watchedTls } from '../support/network/tls-relay.ts';
import { startRemoteAgent } from '../support/pairing.ts';
import { isProblem } from '../support/problems.ts';
import { until } from '../support/until.ts';

/** A node of another machine with TLS of its own. */
const REMOTE = { fetch: globalThis.fetch };
const host = LAN ?? '';

describe('a relay with TLS', needsLan, () => {
  it('[L3] [L10] gives a node that pairs a certificate, with which it comes in past the relay and works', async (t) => {
    const { pool, url, authority, fetch, makeCode } = await startTlsRelay(t);
    const { link } = await makeCode();
    const invitation = parseInvitation(link);
    assert.equal(invitation.authority, await fingerprintOf(authority));
    const tls = watchedTls();
    const agent = startRemoteAgent(t, url, { ...REMOTE, tls, invitation });
    const nodeId = await agent.ready;
    await until(() => pool.relay.nodes().includes(nodeId));
    const [line] = tls.lines;
    assert.equal(tls.lines.length, 1);
    assert.match(line?.url ?? '', new RegExp(`^wss://${host}:\\d+`));
    assert.notEqual(new URL(line?.url ?? '').port, new URL(url).port);
    const certificate = new X509Certificate(line?.certificate ?? '');
    assert.equal(certificate.subject, `CN=${nodeId}`);
    assert.equal(certificate.verify(new X509Certificate(authority).publicKey), true);
    assert.equal(
      certificate.publicKey.export({ type: 'spki', format: 'der' }).toString('base64url'),
      tls.publicKey,
      'it is for the key that the node made',
    );
    assert.equal(await askForNode(fetch, url, pool.relay.apiKey), nodeId);
  });

  it('[L5] is known by its authority from the pairing on, also where a code alone led to it', async (t) => {
    const { url, authority, makeCode } = await startTlsRelay(t);
    const { code } = await makeCode();
    const pins = pinsInMemory();
    const agent = startRemoteAgent(t, url, { ...REMOTE, tls: watchedTls(), pins, invitation: { code } });
    await agent.ready;
    assert.equal(await pins.authority(url), await fingerprintOf(authority));
    assert.match((await pins.read(url)) ?? '', /^N/);
  });

  it('[L5] hears nothing of a node whose link or pin names another authority than the one that answers', async (t) => {
    const relay = await startTlsRelay(t);
    const invitation = parseInvitation((await relay.makeCode()).link);
    const middle = await startMiddleMan(t, serverIdentity(newAuthority(t), [host]), relay);
    const isChanged = isProblem('relay_identity_changed', /Another relay answers/);
    const invited = startRemoteAgent(t, middle.url, { ...REMOTE, tls: watchedTls(), invitation });
    isChanged(await invited.ended);
    const pins = pinsInMemory();
    await pins.write(middle.url, invitation.relayKey ?? '', invitation.authority);
    const paired = startRemoteAgent(t, middle.url, {
      ...REMOTE,
      tls: watchedTls(),
      pins,
      joinToken: 'sw-admin-secret',
    });
    isChanged(await paired.ended);
    assert.deepEqual(middle.heard, []);
  });

  it('[L5] refuses a node that met another authority, also when whoever stands in between hides it', async (t) => {
    const relay = await startTlsRelay(t);
    const identity = serverIdentity(newAuthority(t), [host]);
    const hide = (text: string): string => {
      const body = JSON.parse(text) as { proof?: NodeProof };
      delete body.proof?.authority;
      return JSON.stringify(body);
    };
    for (const [change, sentence] of [
      [undefined, /not of this relay's authority/],
      [hide, /signature is not of this node/],
    ] as const) {
      const middle = await startMiddleMan(t, identity, relay, change);
      const { code } = await relay.makeCode();
      const agent = startRemoteAgent(t, middle.url, { ...REMOTE, tls: watchedTls(), invitation: { code } });
      isProblem('pairing_proof_invalid', sentence)(await agent.ended);
      assert.equal(middle.heard.length, 2);
    }
    assert.deepEqual(relay.pool.relay.nodes(), []);
  });

  it('[L6] is not shown a join token by a node that cannot know it', async (t) => {
    const relay = await startTlsRelay(t);
    const middle = await startMiddleMan(t, serverIdentity(newAuthority(t), [host]), relay);
    const joinToken = relay.pool.relay.adminToken;
    const agent = startRemoteAgent(t, middle.url, { ...REMOTE, tls: watchedTls(), joinToken });
    isProblem('relay_not_verified', /--pair and a link/)(await agent.ended);
    assert.deepEqual(middle.heard, []);
    const pins = pinsInMemory();
    await pins.write(relay.url, await relayKeyOf(relay), await fingerprintOf(relay.authority));
    await startRemoteAgent(t, relay.url, { ...REMOTE, tls: watchedTls(), pins, joinToken }).ready;
  });

  it('[L9] answers programs without a certificate, and lets nobody without one on its bus', async (t) => {
    const { url, authority, fetch } = await startTlsRelay(t);
    assert.equal((await fetch(`${url}/v1/health`)).status, 200);
    assert.equal(await upgrade(url, authority), 403);
    assert.equal(await upgrade(url, authority, nodeIdentity(newAuthority(t))), 403);
  });

  it('[L9] lets nodes without a certificate on its bus when the operator lets browser tabs in', async (t) => {
    const { url, authority } = await startTlsRelay(t, { tls: { browserNodes: true } });
    assert.equal(await upgrade(url, authority), 101);
  });

  it('[L9] [L11] lets a node with its certificate in where it does not reach the listener', async (t) => {
    const { pool, url, fetch, makeCode } = await startTlsRelay(t);
    const tls = watchedTls();
    const directUrl = `wss://${host}:${await freePort(LAN)}`;
    const connect: ConnectToBus = (options) => connectToBus({ ...options, directUrl });
    const { link } = await makeCode();
    const agent = startRemoteAgent(t, url, { ...REMOTE, tls, connect, invitation: parseInvitation(link) });
    const nodeId = await agent.ready;
    await until(() => pool.relay.nodes().includes(nodeId));
    assert.match(tls.lines.at(-1)?.url ?? '', /\/nats$/);
    assert.equal(await askForNode(fetch, url, pool.relay.apiKey), nodeId);
  });

  it('[L4] shuts a revoked node out, though its certificate is still good', async (t) => {
    const { pool, url, fetch, authority, makeCode } = await startTlsRelay(t);
    const tls = watchedTls();
    const { link } = await makeCode();
    const agent = startRemoteAgent(t, url, { ...REMOTE, tls, invitation: parseInvitation(link) });
    const nodeId = await agent.ready;
    const headers = { authorization: `Bearer ${pool.relay.adminToken}` };
    await fetch(`${url}/v1/admin/nodes/${nodeId}/revoke`, { method: 'POST', headers });
    isProblem('node_revoked', /revoked/)(await agent.ended);
    const certificate = new X509Certificate(tls.lines[0]?.certificate ?? '');
    assert.ok(certificate.validToDate.getTime() > Date.now());
    assert.equal(certificate.verify(new X509Certificate(authority).publicKey), true);
  });
});

it('[L5] a node takes no answer that names another authority than the one it met, or none', async (t) => {
  const [met, other] = [newAuthority(t), newAuthority(t)];
  const { certificate, fingerprint } = met;
  const door = { fetch, authority: { certificate, fingerprint }, isBlind: true };
  await assertSameAuthority(door, certificate, 'https://relay.lan');
  for (const signed of [other.certificate, undefined]) {
    await assert.rejects(
      assertSameAuthority(door, signed, 'https://relay.lan'),
      isProblem('relay_identity_changed', /relay\.lan/),
    );
  }
  await assertSameAuthority({ fetch, isBlind: false }, certificate, 'https://relay.lan');
});

async function relayKeyOf({ makeCode }: { makeCode(): Promise<{ link: string }> }): Promise<string> {
  return parseInvitation((await makeCode()).link).relayKey ?? '';
}

/** The status with which a relay answers who wants to be on its bus. */
function upgrade(url: string, ca: string, identity?: Identity): Promise<number> {
  const headers = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
  };
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/nats`, { headers, ca, agent: false, ...identity });
    sent.once('response', (answer) => {
      resolve(answer.statusCode ?? 0);
      answer.destroy();
    });
    sent.once('upgrade', (answer, socket) => {
      resolve(answer.statusCode ?? 0);
      socket.destroy();
    });
    sent.once('error', reject);
    sent.end();
  });
}
