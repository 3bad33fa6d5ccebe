import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createUser } from '@nats-io/nkeys';
import { createNodeCrypto } from '../../../main/headless/node-crypto.ts';
import { createStatementSigner } from '../../../shared/agent/batch-signing.ts';
import { beginSigning } from '../../../shared/agent/receipt-signing.ts';
import { type HostCrypto, webHostCrypto } from '../../../shared/identity/host-crypto.ts';
import { signerOfSeed } from '../../../shared/identity/signer.ts';
import type { JobRequest } from '../../../shared/protocol/messages.ts';

const key = createUser();
const publicKey = key.getPublicKey();
const request: JobRequest = {
  ...{ job: 'job_1', attempt: 1, epoch: 2, type: 'embed', model: 'test/vectors', timeoutMs: 1_000 },
  input: { inputs: ['a', 'b'], dimensions: null },
};
const end = {
  execution: { runtime: 'test', device: 'cpu', dtype: 'q8', revision: 'main', digest: null },
  usage: { inputTokens: 2, outputTokens: 0 },
  timings: { firstTokenMs: 1.5, totalMs: 2 },
};

const keyWith = (crypto: HostCrypto) => ({ publicKey, crypto, signStatement: createStatementSigner(crypto) });

test('[V1] signs the same with the cryptography of its host as with WebCrypto', async () => {
  const signWith = async (crypto: HostCrypto) => {
    const signing = beginSigning(request, keyWith(crypto));
    const buffer = new Float32Array([0.5, 1, 2]);
    signing.vectors(buffer);
    buffer.fill(0); // The runtime uses it again.
    signing.vectors(new Float32Array([3]));
    return signing.sign(end);
  };
  const quick = await signWith(createNodeCrypto(key.getSeed()));
  assert.match(quick ?? '', /^[\w-]{86}$/);
  assert.equal(await signWith(webHostCrypto(signerOfSeed(key.getSeed()))), quick);
  const inOne = beginSigning(request, keyWith(createNodeCrypto(key.getSeed())));
  inOne.vectors(new Float32Array([0.5, 1, 2, 3]));
  assert.equal(await inOne.sign(end), quick);
});

test('[V9] answers without a signature when its host cannot sign', async () => {
  const broken: HostCrypto = { ...createNodeCrypto(key.getSeed()), sign: () => Promise.reject(new Error('no key')) };
  assert.equal(await beginSigning(request, keyWith(broken)).sign(end), undefined);
  assert.throws(() => createNodeCrypto(new Uint8Array(58)), TypeError);
});
