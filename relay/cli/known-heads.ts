import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Value } from 'typebox/value';
import { counted } from '../../shared/problems/counted.ts';
import { Problem } from '../../shared/problems/problem.ts';
import { hexToBytes } from '../../shared/protocol/hex.ts';
import { type ConsistencyProof, isHeadSigned, TreeHead } from '../../shared/receipts/log/tree-head.ts';
import { isConsistent } from '../../shared/receipts/log/verify-proofs.ts';
import { writeFileAtomically } from '../data-folder/secret-file.ts';
import { getJson } from './get-json.ts';

export type LogQuestion = { relayUrl: string; apiKey: string; dataFolder: string; relayKey: string };

/**
 * Asks a relay whether its log continues the given head and the one that was kept of it last time, and keeps the new
 * one. Returns the head that it has now. Errors: `receipt_invalid` when it does not, `relay_unreachable`.
 */
export async function checkLogOnline(question: LogQuestion, head: TreeHead | undefined): Promise<TreeHead> {
  const { relayKey, dataFolder } = question;
  const file = join(dataFolder, `receipt-log-${relayKey}.json`);
  const known = readKnownHead(file);
  let newest: TreeHead | undefined;
  for (const older of [head, known]) {
    if (older === undefined) continue;
    const path = `/v1/log/consistency?from=${older.size}`;
    const proof = await getJson<ConsistencyProof>(question.relayUrl, path, question.apiKey);
    await assertContinues(older, proof, relayKey);
    newest = proof.to;
  }
  newest ??= await getJson<TreeHead>(question.relayUrl, '/v1/log/head', question.apiKey);
  if (newest.relayKey !== relayKey || !(await isHeadSigned(newest))) throw broken('its head has a wrong signature');
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  writeFileAtomically(file, `${JSON.stringify(newest)}\n`);
  return newest;
}

async function assertContinues(older: TreeHead, { to, path }: ConsistencyProof, relayKey: string): Promise<void> {
  if (!Value.Check(TreeHead, to) || to.relayKey !== relayKey || !(await isHeadSigned(to))) {
    throw broken('its head has a wrong signature');
  }
  const claim = {
    older: { size: older.size, root: hexToBytes(older.root) },
    newer: { size: to.size, root: hexToBytes(to.root) },
    proof: path.map(hexToBytes),
  };
  if (!(await isConsistent(claim))) throw broken(`it does not continue the one of ${counted(older.size, 'receipt')}`);
}

function readKnownHead(file: string): TreeHead | undefined {
  try {
    const head: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return Value.Check(TreeHead, head) ? head : undefined;
  } catch {
    return undefined; // The first time.
  }
}

function broken(how: string): Problem {
  return new Problem('receipt_invalid', `The relay's receipt log was rewritten: ${how}.`);
}
