import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Value } from 'typebox/value';
import { createNKey } from '../../../relay/fabric/bus/nkey.ts';
import { openAttestationKey } from '../../../relay/receipts/attestation.ts';
import { withAttestation } from '../../../relay/receipts/attested-sealer.ts';
import { createReceiptSealer } from '../../../relay/receipts/seal-receipt.ts';
import type { ReceiptKeyList, ReceiptList } from '../../../shared/api/receipts.ts';
import { Receipt, receiptBytes } from '../../../shared/receipts/receipt.ts';
import { checkReceiptFile, type ReceiptProof } from '../../../shared/receipts/receipt-proof.ts';
import { runSparewatt } from '../../support/command.ts';
import { collectLog } from '../../support/log.ts';
import { startTestPool } from '../../support/pool.ts';
import { isProblem } from '../../support/problems.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { draftFor, RELAY_KEY } from '../store/store-records.ts';

const ATTESTATION_KEY = createNKey('server');
const plain = createReceiptSealer(RELAY_KEY);
const { seal } = withAttestation(plain, ATTESTATION_KEY.seed);
const relayKey = RELAY_KEY.publicKey;

async function findingsOf(content: Receipt | ReceiptProof) {
  const findings = await checkReceiptFile(content);
  return Object.fromEntries(findings.map(({ check, isSound }) => [check, isSound]));
}

test('[V12] an attestation stands beside a receipt that is otherwise the same', async () => {
  const receipt = seal(draftFor('job_1'));
  assert.ok(Value.Check(Receipt, receipt));
  const { attestation, ...rest } = receipt;
  assert.equal(attestation?.key, ATTESTATION_KEY.publicKey);
  assert.deepEqual(rest, plain.seal(draftFor('job_1')));
  assert.deepEqual(receiptBytes(receipt), receiptBytes(rest));
  assert.deepEqual(seal(draftFor('job_1')), receipt);
  const { attestation: isAttested, 'relay signature': isSigned } = await findingsOf(receipt);
  assert.deepEqual([isAttested, isSigned], [true, true]);
});

test('[V12] an attestation of another record, verdict or key does not hold', async () => {
  const receipt = seal(draftFor('job_1'));
  const { attestation, signatures } = receipt;
  assert.ok(attestation);
  const changed: Receipt[] = [
    { ...receipt, model: 'another/model' },
    { ...receipt, signatures: { ...signatures, verdict: 'refused' } },
    { ...receipt, signatures: { ...signatures, node: 'A'.repeat(86) } },
    { ...receipt, attestation: { ...attestation, key: relayKey } },
    { ...receipt, attestation: { ...attestation, signature: 'A'.repeat(86) } },
  ];
  for (const one of changed) assert.equal((await findingsOf(one)).attestation, false);
});

test('[V12] neither signature of the relay’s side covers the other', async () => {
  const receipt = seal(draftFor('job_1'));
  const { attestation: _, ...without } = receipt;
  assert.equal((await findingsOf(without))['relay signature'], true);
  const byNobody: Receipt = { ...receipt, signatures: { ...receipt.signatures, relay: 'A'.repeat(86) } };
  const findings = await findingsOf(byNobody);
  assert.deepEqual([findings['relay signature'], findings.attestation], [false, true]);
});

test('an attestation key is made once, for its owner alone', (t) => {
  const file = join(temporaryFolder(t), 'attestation-key.json');
  const log = collectLog();
  const key = openAttestationKey({ file, relayKey, log });
  if (process.platform !== 'win32') assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(openAttestationKey({ file, relayKey, log }).publicKey, key.publicKey);
});

test('an attestation key that is damaged, unreachable or the relay’s own is refused', (t) => {
  const folder = temporaryFolder(t);
  const log = collectLog();
  const file = join(folder, 'key.json');
  writeFileSync(file, JSON.stringify({ seed: RELAY_KEY.seed }));
  assert.throws(() => openAttestationKey({ file, relayKey, log }), isProblem('invalid_setting', /key of its own/));
  writeFileSync(file, '{"seed":"SN');
  assert.throws(() => openAttestationKey({ file, relayKey, log }), isProblem('data_folder_unusable', /damaged/));
  assert.equal(readFileSync(file, 'utf8'), '{"seed":"SN');
  const nowhere = join(folder, 'missing', 'key.json');
  assert.throws(
    () => openAttestationKey({ file: nowhere, relayKey, log }),
    isProblem('data_folder_unusable', /ENOENT/),
  );
});

test('[V12] a relay with a third key attests what it shows, and names the key', async (t) => {
  const folder = temporaryFolder(t);
  const attestationKeyFile = join(folder, 'attestation-key.json');
  const pool = await startTestPool(t, { attestationKeyFile });
  await pool.addNode();
  const get = async <Answer>(path: string) => (await (await pool.request(path)).json()) as Answer;
  const messages = [{ role: 'user' as const, content: 'a question' }];
  const { response } = await pool.client().chat.completions.create({ model: 'test/echo', messages }).withResponse();
  const job = response.headers.get('x-sparewatt-job');
  const { data } = await get<ReceiptList>(`/v1/jobs/${job}/receipts`);
  const proof = await get<ReceiptProof>(`/v1/receipts/${data[0]?.id}/proof`);
  assert.deepEqual(data, [proof.receipt]);
  assert.deepEqual(await get(`/v1/jobs/${job}/receipt`), proof.receipt);
  assert.deepEqual(Object.values(await findingsOf(proof)), [true, true, true, true, true]);
  const keys = (await (await fetch(`${pool.relay.url}/v1/log/keys`)).json()) as ReceiptKeyList;
  assert.deepEqual(keys, { relay: proof.receipt.keys.relay, attestation: proof.receipt.attestation?.key });

  const env = { SPAREWATT_RELAY: pool.relay.url, SPAREWATT_API_KEY: pool.relay.apiKey };
  const listed = await runSparewatt(['receipts', 'list', job ?? ''], { env });
  assert.match(listed.stdout, /signed by node and relay, attested\n$/);
  const file = join(folder, 'proof.json');
  writeFileSync(file, JSON.stringify(proof));
  const verify = (key: string) => runSparewatt(['receipts', 'verify', file, '--attestation-key', key]);
  const right = await verify(keys.attestation ?? '');
  assert.equal(right.code, 0, right.stderr);
  assert.match(right.stdout, /✓ attestation: coordinator N/);
  const wrong = await verify(keys.relay);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /It is attested by N\w+, not by N/);
  writeFileSync(file, JSON.stringify({ ...proof, receipt: { ...proof.receipt, attestation: undefined } }));
  assert.match((await verify(keys.attestation ?? '')).stderr, /It is attested by nobody, not by N/);
});
