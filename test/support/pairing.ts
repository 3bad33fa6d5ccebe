import { randomBytes, randomUUID } from 'node:crypto';
import type { TestContext } from 'node:test';
import { createNKey, type NKey } from '../../relay/fabric/bus/nkey.ts';
import type { Relay } from '../../relay/server.ts';
import { type Agent, type AgentOptions, startAgent } from '../../shared/agent/agent.ts';
import { connectToBus } from '../../shared/agent/nats-connection.ts';
import type { PairingCode } from '../../shared/api/pairing.ts';
import { codeSecretsOf } from '../../shared/identity/pairing-code.ts';
import { nodeStatement, type PairingTranscript, proveCode } from '../../shared/identity/pairing-transcript.ts';
import { bytesToBase64Url } from '../../shared/protocol/base64.ts';
import type { ChallengeResponse, CompletePairing } from '../../shared/protocol/pairing.ts';
import { afterTest } from './after-test.ts';
import { identityOf } from './nodes/node-identity.ts';
import { silentLog } from './pool.ts';
import { createSyntheticRuntime } from './runtimes/synthetic-runtime.ts';

/** What the relay said: status, headers and body. */
export type Said = { status: number; headers: Headers; body: Record<string, unknown> };

/** A request as if it came through a proxy from some address, so that the relay's machine does not trust it. */
export async function post(relayUrl: string, path: string, body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${relayUrl}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': '203.0.113.7', ...headers },
    body: JSON.stringify(body),
  });
  const said: Said = {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  };
  return said;
}

export async function makeCode(
  relay: Pick<Relay, 'url' | 'adminToken'>,
  order: Record<string, unknown> = {},
): Promise<PairingCode> {
  const headers = { authorization: `Bearer ${relay.adminToken}` };
  return (await post(relay.url, '/v1/admin/pairing-codes', order, headers)).body as PairingCode;
}

export function adminPost(relay: Relay, path: string): Promise<Said> {
  return post(relay.url, path, {}, { authorization: `Bearer ${relay.adminToken}` });
}

/** A node's side of a conversation, done by hand, so that any part of it can be wrong. */
export type Visitor = {
  key: NKey;
  name: string;
  relayUrl: string;
  /** Asks for a challenge and signs what is right, but for `lie`. */
  converse(options?: ConversationOptions): Promise<Conversation>;
  complete(code: string, options?: ConversationOptions): Promise<Said>;
  enroll(options?: ConversationOptions): Promise<Said>;
};

export type ConversationOptions = {
  purpose?: PairingTranscript['purpose'];
  code?: string;
  /** Parts of what is signed that differ from what is sent. */
  lie?: Partial<PairingTranscript>;
  /** Where the request seems to come from. */
  from?: string;
  headers?: Record<string, string>;
  signWith?: NKey;
};

export type Conversation = { complete: CompletePairing; transcript: PairingTranscript };

export function visitor(relayUrl: string, name = 'visitor', key: NKey = createNKey('user')): Visitor {
  const headersOf = ({ from, headers }: ConversationOptions) => ({
    ...headers,
    ...(from === undefined ? {} : { 'x-forwarded-for': from }),
  });
  const converse: Visitor['converse'] = async (options = {}) => {
    const { code = 'AAAA-AAAA-AAAA', purpose = 'pair', lie = {}, signWith = key } = options;
    const nonce = bytesToBase64Url(randomBytes(32));
    const asked = { publicKey: key.publicKey, name, nonce };
    const { body } = await post(relayUrl, '/v1/pairing/challenge', asked, headersOf(options));
    const { challenge, relayPublicKey } = body as ChallengeResponse;
    const { id, secret } = await codeSecretsOf(code);
    const transcript: PairingTranscript = {
      protocol: 1,
      purpose,
      relay: new URL(relayUrl).origin,
      relayKey: relayPublicKey,
      nodeKey: key.publicKey,
      nodeName: name,
      nodeNonce: nonce,
      challenge,
      codeId: purpose === 'pair' ? id : null,
      ...lie,
    };
    const statement = nodeStatement(transcript);
    const signature = bytesToBase64Url(signWith.sign(statement));
    const proof = { relay: new URL(relayUrl).origin, nonce, challenge, signature };
    const codeProof = await proveCode(secret, statement);
    return { transcript, complete: { publicKey: key.publicKey, name, proof, code: { id, proof: codeProof } } };
  };
  return {
    key,
    name,
    relayUrl,
    converse,
    complete: async (code, options = {}) => {
      const { complete } = await converse({ ...options, code });
      return post(relayUrl, '/v1/pairing/complete', complete, headersOf(options));
    },
    enroll: async (options = {}) => {
      const { complete } = await converse({ ...options, purpose: options.purpose ?? 'enroll' });
      const { publicKey, proof } = complete;
      return post(relayUrl, '/v1/nodes/enroll', { publicKey, name, proof }, headersOf(options));
    },
  };
}

/** A real agent that the relay takes for one of another machine; it is closed when the test ends. */
export function startRemoteAgent(
  t: TestContext,
  relayUrl: string,
  options: Partial<AgentOptions> & { key?: NKey } = {},
): Agent {
  const { key = createNKey('user'), ...more } = options;
  const agent = startAgent({
    relayUrl,
    name: 'remote',
    version: '0.0.0-test',
    slots: 2,
    hardware: { platform: 'test', arch: 'test', cpu: 'test', cpu_threads: 1, memory_bytes: 1 },
    identity: identityOf(key),
    runtime: createSyntheticRuntime(),
    connect: connectToBus,
    fetch: fetchFrom('203.0.113.7'),
    now: Date.now,
    randomId: randomUUID,
    log: silentLog,
    ...more,
  });
  agent.ready.catch(() => undefined);
  afterTest(t, () => agent.close());
  return agent;
}

export function fetchFrom(address: string): typeof globalThis.fetch {
  return (input, init) => {
    const headers = new Headers(init?.headers);
    headers.set('x-forwarded-for', address);
    return fetch(input, { ...init, headers });
  };
}
