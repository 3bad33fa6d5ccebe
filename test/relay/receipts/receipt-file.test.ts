import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createReceiptSealer } from '../../../relay/receipts/seal-receipt.ts';
import { checkReceiptFile, type Finding } from '../../../shared/receipts/receipt-proof.ts';
import { runSparewatt } from '../../support/command.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { draftFor, RELAY_KEY } from '../store/store-records.ts';

const { seal } = createReceiptSealer(RELAY_KEY);
const RECEIPT = seal(draftFor('job_1'));
const HEAD = {
  ...{ v: 1, size: 1, root: 'a'.repeat(64), relayKey: RELAY_KEY.publicKey },
  signature: 'A'.repeat(86),
};

function soundnessOf(findings: readonly Finding[]) {
  return Object.fromEntries(findings.map(({ check, isSound }) => [check, isSound]));
}

test('a file that no relay can have written is found unsound, and is no mistake of whoever checks it', async () => {
  const late = { receipt: RECEIPT, leaf: 0, path: [], head: { ...HEAD, signedAt: Number.MAX_SAFE_INTEGER } };
  const findings = await checkReceiptFile(late);
  assert.equal(soundnessOf(findings)['tree head'], false);
  assert.match(findings.find(({ check }) => check === 'tree head')?.detail ?? '', /at 9007199254740991$/);
  for (const half of [
    { ...RECEIPT, node: 'a\ud800' },
    { ...late, receipt: { ...RECEIPT, model: '\udfff' } },
  ]) {
    assert.deepEqual(soundnessOf(await checkReceiptFile(half)), { shape: false });
  }
  const deep: unknown = JSON.parse(`${'['.repeat(5_000)}${']'.repeat(5_000)}`);
  assert.deepEqual(soundnessOf(await checkReceiptFile(deep)), { shape: false });
});

test('no name in a receipt writes over what the command says of it', async (t) => {
  const file = join(temporaryFolder(t), 'receipt.json');
  const node = '\u001b[1A\u001b[2K✓ relay signature: relay NANOTHER\n';
  const receipt = seal({ ...draftFor('job_1'), node, signatures: { node: 'A'.repeat(86) } });
  writeFileSync(file, JSON.stringify({ ...receipt, signatures: { ...receipt.signatures, verdict: 'sound' } }));
  const { stdout } = await runSparewatt(['receipts', 'verify', file]);
  assert.match(stdout, /node signature: node .*NANOTHER/);
  assert.ok(!stdout.includes('\u001b[1A') && !stdout.includes('NANOTHER\n'), stdout);
});
