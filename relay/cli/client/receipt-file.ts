import { readFileSync, writeFileSync } from 'node:fs';
import { Problem } from '../../../shared/problems/problem.ts';
import type { ReceiptProof } from '../../../shared/receipts/receipt-proof.ts';
import { getJson } from './get-json.ts';

/** A receipt with its proof. Errors: `receipt_not_found`, `receipt_log_damaged`, `relay_unreachable`. */
export function fetchReceiptProof(relayUrl: string, apiKey: string, receiptId: string): Promise<ReceiptProof> {
  return getJson<ReceiptProof>(relayUrl, `/v1/receipts/${encodeURIComponent(receiptId)}/proof`, apiKey);
}

/** Errors: `invalid_option` for a file that cannot be written. */
export function writeReceiptFile(file: string, proof: ReceiptProof): void {
  try {
    writeFileSync(file, `${JSON.stringify(proof, null, 2)}\n`);
  } catch (cause) {
    throw new Problem('invalid_option', `The receipt cannot be written to ${file}. Choose another file.`, { cause });
  }
}

/** Errors: those of `readText`, and `receipt_invalid` for one that is no JSON. */
export function readReceiptFile(file: string): unknown {
  const text = readText(file);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Problem('receipt_invalid', `${file} is no JSON, and so not what was saved.`, { cause });
  }
}

/** Errors: `invalid_option` for a file that cannot be read. */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Problem('invalid_option', `${file} cannot be read. Give the file that it was saved to.`, {
      cause,
    });
  }
}
