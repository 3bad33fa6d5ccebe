import type { PriceRates } from '../../shared/credits/price.ts';
import type { Settlement } from '../../shared/credits/settlement.ts';

/**
 * `charge` and `fee` come from a job, `withheld` stands in place of a charge whose receipt the node has not soundly signed,
 * `grant` comes from the operator, `payout` from a settlement.
 */
export type EntryKind = 'charge' | 'withheld' | 'fee' | 'grant' | 'payout';

/** One entry of the ledger: an amount that leaves one account and reaches another. It is never changed. */
export type LedgerEntry = {
  seq: number;
  /** Milliseconds since 1970. */
  at: number;
  kind: EntryKind;
  from: string;
  to: string;
  /** Millionths of a credit, more than 0. */
  amountMicro: number;
  /** The receipt or job that it pays for, the settlement that it belongs to, or the mark of a grant. */
  reference: string;
};

/** What a job costs, and who gets it. Amounts are millionths of a credit. */
export type Charge = {
  payer: string;
  node: string;
  nodeMicro: number;
  feeMicro: number;
  reference: string;
};

export type Account = { account: string; balanceMicro: number };

/** `latestAt` is when the account paid last, at whatever time; null for one that never has. */
export type Spent = { sinceMicro: number; laterMicro: number; latestAt: number | null };

export type Price = { service: string; rates: PriceRates; updatedAt: number };

export type SettlementOrder = {
  id: string;
  closedAt: number;
  webhook: { url: string; secret: string } | null;
};

/** What an audit of the ledger found; empty when every balance is what its entries say. */
export type LedgerFault = { account: string; balanceMicro: number; entriesMicro: number };

/** The ledger: every entry takes from one account what it gives to another, so that all balances together are 0. */
export interface CreditStore {
  /** Takes the place of the price of the same service. */
  putPrice(price: Price): Promise<void>;
  /** False when there is none. */
  deletePrice(service: string): Promise<boolean>;
  listPrices(): Promise<Price[]>;
  /** 0 for an account without entries. */
  balanceOf(account: string): Promise<number>;
  /** What an account has paid for work: in entries of this time until before another, and in those behind this one. */
  spentOf(account: string, from: { at: number; until: number | null; behindSeq: number }): Promise<Spent>;
  /** By name. `prefix` is the beginning of their names. */
  listAccounts(page: { limit: number; after: string; prefix: string }): Promise<Account[]>;
  /** Writes a grant down; the one that carries the same mark, when there is one already. */
  grant(entry: Omit<LedgerEntry, 'seq' | 'kind'>): Promise<{ entry: LedgerEntry; isNew: boolean }>;
  /** Newest first; of one account, or all. */
  listEntries(page: {
    limit: number;
    before?: number | undefined;
    account?: string | undefined;
  }): Promise<LedgerEntry[]>;
  /** Pays every node what it has earned and signs for it; undefined when there is nothing. */
  settle(order: SettlementOrder): Promise<Settlement | undefined>;
  findSettlement(id: string): Promise<Settlement | undefined>;
  /** Newest first; those before one of them, or all. */
  listSettlements(page: { limit: number; after?: string | undefined }): Promise<Settlement[]>;
  auditLedger(): Promise<LedgerFault[]>;
}
