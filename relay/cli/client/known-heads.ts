import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Value } from 'typebox/value';
import { counted } from '../../../shared/problems/counted.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { hexToBytes } from '../../../shared/protocol/hex.ts';
import { type ConsistencyProof, isHeadSigned, TreeHead } from '../../../shared/receipts/log/tree-head.ts';
import { isConsistent } from '../../../shared/receipts/log/verify-proofs.ts';
import { writeFileAtomically } from '../../data-folder/secret-file.ts';
import { getJson } from './get-json.ts';

export type LogQuestion = { relayUrl: string; apiKey: string; dataFolder: string; relayKey: string };

/**
 * Asks a relay whether its log continues the given head and the one that was kept of it last time, and keeps the new
 * one. Returns the head that it has now. Errors: `receipt_invalid` when it does not, `relay_unreachable`.
 */
export async function checkLogOnline(question: LogQuestion, head: TreeHead | undefined): Promise<TreeHead> {
  const { relayKey, dataFolder } = question;
  const file = join(dataFolder, `receipt-log-${relayKey}.json`);
  const ask = <Answer>(path: string): Promise<Answer> => getJson(question.relayUrl, path, question.apiKey);
  let newest = await ask<TreeHead>('/v1/log/head');
  await assertSigned(newest, relayKey);
  for (const older of [head, readKnownHead(file)]) {
    if (older === undefined) continue;
    // Of a log that was put back to an older state there is no proof to ask for.
    if (newest.size < older.size) throw broken(`it has ${counted(newest.size, 'receipt')} and had ${older.size}`);
    const proof = await ask<ConsistencyProof>(`/v1/log/consistency?from=${older.size}`);
    await assertContinues(older, proof, relayKey);
    newest = proof.to;
  }
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  writeFileAtomically(file, `${JSON.stringify(newest)}\n`);
  return newest;
}

async function assertContinues(older: TreeHead, { to, path }: ConsistencyProof, relayKey: string): Promise<void> {
  await assertSigned(to, relayKey);
  const claim = {
    older: { size: older.size, root: hexToBytes(older.root) },
    newer: { size: to.size, root: hexToBytes(to.root) },
    proof: path.map(hexToBytes),
  };
  if (!(await isConsistent(claim))) throw broken(`it does not continue the one of ${counted(older.size, 'receipt')}`);
}

async function assertSigned(head: TreeHead, relayKey: string): Promise<void> {
  if (Value.Check(TreeHead, head) && head.relayKey === relayKey && (await isHeadSigned(head))) return;
  throw broken('its head has a wrong signature');
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
