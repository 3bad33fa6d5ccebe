import { dateText } from '../../../shared/receipts/date-text.ts';
import type { Receipt } from '../../../shared/receipts/receipt.ts';
import { printable } from './printable.ts';

/** What a receipt says, for a person. */
export function receiptText(receipt: Receipt): string {
  const { id, job, node, service, model, nonce, usage, issuedAt } = receipt;
  const { inputTokens, outputTokens } = usage.reported;
  const facts: [name: string, value: string][] = [
    ['receipt', id],
    ['job', job],
    ['node', node],
    ['service', service],
    ['model', model],
    ['tokens', `${inputTokens} read, ${outputTokens} written`],
    ['issued', dateText(issuedAt)],
    ...(nonce === null ? [] : [['nonce', nonce] as [string, string]]),
  ];
  return `${facts.map(([name, value]) => `  ${name.padEnd(8)} ${printable(value)}`).join('\n')}\n`;
}
