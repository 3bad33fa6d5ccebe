import type { PriceRates } from '../../../shared/credits/price.ts';
import type { Settlement } from '../../../shared/credits/settlement.ts';
import { nodeAccount, RELAY, withheldAccount } from '../../credits/accounts.ts';
import type { Charge, EntryKind, LedgerEntry, Price } from '../credit-store.ts';

export type EntryRow = {
  seq: number;
  at: number;
  kind: EntryKind;
  from_account: string;
  to_account: string;
  amount_micro: number;
  reference: string;
};

export const ENTRY_COLUMNS = 'at, kind, from_account, to_account, amount_micro, reference';

export type PriceRow = { service: string; rates: string; updated_at: number };

/** What is entered for a job, as positions. */
export type ChargeValues = readonly [
  at: number,
  payer: string,
  node: string,
  nodeMicro: number,
  feeMicro: number,
  reference: string,
];

export function chargeValues({ payer, node, nodeMicro, feeMicro, reference }: Charge, at: number): ChargeValues {
  return [at, payer, node, nodeMicro, feeMicro, reference];
}

/** One that a job's charge becomes; its payer, time and reference are those of the charge. */
export type ChargeEntry = { kind: EntryKind; to: string; amountMicro: number };

/** The entries of a charge: the node's share, or what is withheld of it, and the relay's. */
export function entriesOf([, , node, nodeMicro, feeMicro]: ChargeValues, isWithheld: boolean): ChargeEntry[] {
  const share: ChargeEntry = isWithheld
    ? { kind: 'withheld', to: withheldAccount(node.slice(nodeAccount('').length)), amountMicro: nodeMicro }
    : { kind: 'charge', to: node, amountMicro: nodeMicro };
  const fee: ChargeEntry = { kind: 'fee', to: RELAY, amountMicro: feeMicro };
  return [share, fee].filter(({ amountMicro }) => amountMicro > 0);
}

export function toEntry(row: EntryRow): LedgerEntry {
  const { seq, at, kind, from_account: from, to_account: to, amount_micro: amountMicro, reference } = row;
  return { seq, at, kind, from, to, amountMicro, reference };
}

export function toSettlement(body: string | undefined): Settlement | undefined {
  return body === undefined ? undefined : (JSON.parse(body) as Settlement);
}

export function toPrice({ service, rates, updated_at: updatedAt }: PriceRow): Price {
  return { service, rates: JSON.parse(rates) as PriceRates, updatedAt };
}
