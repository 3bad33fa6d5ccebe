import type { Database } from 'better-sqlite3';
import type { Settlement } from '../../../shared/credits/settlement.ts';
import { SETTLED } from '../../credits/accounts.ts';
import { closeSettlement, settlementEvent } from '../../credits/close-settlement.ts';
import type { ReceiptSigner } from '../../receipts/seal-receipt.ts';
import type { Account, CreditStore, LedgerFault } from '../credit-store.ts';
import {
  type ChargeValues,
  ENTRY_COLUMNS,
  type EntryRow,
  entriesOf,
  type PriceRow,
  toEntry,
  toPrice,
  toSettlement,
} from '../rows/ledger-rows.ts';
import type { SqliteAccess } from './sqlite-access.ts';

const INSERT = `INSERT INTO ledger_entries (${ENTRY_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)`;

/** Enters the charge of a job, in whatever transaction runs: the node's share and the relay's. */
export function prepareCharge(db: Database): (values: ChargeValues, isWithheld: boolean) => void {
  const insert = db.prepare<unknown[]>(INSERT);
  return (values, isWithheld) => {
    const [at, payer, , , , reference] = values;
    for (const { kind, to, amountMicro } of entriesOf(values, isWithheld)) {
      insert.run(at, kind, payer, to, amountMicro, reference);
    }
  };
}

/** The ledger on SQLite. */
export function createCreditStore(db: Database, access: SqliteAccess, signer: ReceiptSigner | undefined): CreditStore {
  const statements = prepareStatements(db);
  return {
    putPrice: ({ service, rates, updatedAt }) =>
      access.write(() => void statements.putPrice.run(service, JSON.stringify(rates), updatedAt)),
    deletePrice: (service) => access.write(() => statements.deletePrice.run(service).changes === 1),
    listPrices: () => access.read(() => statements.prices.all().map(toPrice)),
    balanceOf: (account) => access.read(() => statements.balance.get(account) ?? 0),
    spentOf: (account, { at, until, behindSeq }) =>
      access.read(() => ({
        sinceMicro: statements.spentSince.get(account, at, until ?? Number.MAX_SAFE_INTEGER) ?? 0,
        laterMicro: statements.spentLater.get(account, behindSeq) ?? 0,
        latestAt: statements.spentLast.get(account) ?? null,
      })),
    listAccounts: ({ limit, after, prefix }) =>
      access.read(() => statements.accounts.all(after, prefix, `${prefix}\u{10ffff}`, limit)),
    grant: ({ at, from, to, amountMicro, reference }) =>
      access.write(() => {
        const known = statements.grantByReference.get(reference);
        if (known !== undefined) return { entry: toEntry(known), isNew: false };
        const { lastInsertRowid } = statements.insert.run(at, 'grant', from, to, amountMicro, reference);
        const seq = Number(lastInsertRowid);
        return { entry: { seq, at, kind: 'grant', from, to, amountMicro, reference }, isNew: true };
      }),
    listEntries: ({ limit, before = Number.MAX_SAFE_INTEGER, account }) =>
      access.read(() => {
        const rows =
          account === undefined
            ? statements.entries.all(before, limit)
            : statements.entriesOf.all(account, before, limit, account, before, limit, limit);
        return rows.map(toEntry);
      }),
    settle: (order) =>
      access.write(() => {
        if (signer === undefined) throw new Error('the store was opened without the key that signs settlements');
        const lines = statements.earned.all();
        if (lines.length === 0) return undefined;
        const from = (statements.lastSettled.get() ?? 0) + 1;
        const settlement = closeSettlement(
          { ...order, lines, entries: { from, to: statements.lastEntry.get() ?? 0 } },
          signer,
        );
        for (const { account, amountMicro } of lines) {
          statements.insert.run(order.closedAt, 'payout', account, SETTLED, amountMicro, order.id);
        }
        statements.insertSettlement.run(order.id, statements.lastEntry.get() ?? 0, JSON.stringify(settlement));
        if (order.webhook !== null) {
          const { apiKeyId, id, body } = settlementEvent(settlement);
          const { url, secret } = order.webhook;
          statements.insertWebhook.run(apiKeyId, url, secret, id, body, order.closedAt);
        }
        return settlement;
      }),
    findSettlement: (id) => access.read(() => toSettlement(statements.settlement.get(id))),
    listSettlements: ({ limit, after = null }) =>
      access.read(() => statements.settlements.all({ after, limit }).map((body) => JSON.parse(body) as Settlement)),
    auditLedger: () => access.read(() => statements.faults.all()),
  };
}

function prepareStatements(db: Database) {
  const select = `SELECT seq, ${ENTRY_COLUMNS} FROM ledger_entries`;
  return {
    putPrice: db.prepare<[string, string, number]>(
      'INSERT INTO prices (service, rates, updated_at) VALUES (?, ?, ?) ' +
        'ON CONFLICT (service) DO UPDATE SET rates = excluded.rates, updated_at = excluded.updated_at',
    ),
    deletePrice: db.prepare<[string]>('DELETE FROM prices WHERE service = ?'),
    prices: db.prepare<[], PriceRow>('SELECT service, rates, updated_at FROM prices ORDER BY service'),
    balance: db.prepare<[string], number>('SELECT balance_micro FROM accounts WHERE account = ?').pluck(),
    spentSince: db
      .prepare<[string, number, number], number>(
        'SELECT coalesce(sum(amount_micro), 0) FROM ledger_entries WHERE from_account = ? AND at >= ? AND at < ?',
      )
      .pluck(),
    spentLater: db
      .prepare<[string, number], number>(
        'SELECT coalesce(sum(amount_micro), 0) FROM ledger_entries WHERE from_account = ? AND seq > ?',
      )
      .pluck(),
    spentLast: db.prepare<[string], number | null>('SELECT max(at) FROM ledger_entries WHERE from_account = ?').pluck(),
    accounts: db.prepare<[string, string, string, number], Account>(
      'SELECT account, balance_micro AS balanceMicro FROM accounts ' +
        'WHERE account > ? AND account >= ? AND account < ? ORDER BY account LIMIT ?',
    ),
    insert: db.prepare<unknown[]>(INSERT),
    grantByReference: db.prepare<[string], EntryRow>(`${select} WHERE kind = 'grant' AND reference = ?`),
    entries: db.prepare<[number, number], EntryRow>(`${select} WHERE seq < ? ORDER BY seq DESC LIMIT ?`),
    entriesOf: db.prepare<unknown[], EntryRow>(
      `SELECT * FROM (SELECT * FROM (${select} WHERE from_account = ? AND seq < ? ORDER BY seq DESC LIMIT ?) UNION ALL ` +
        `SELECT * FROM (${select} WHERE to_account = ? AND seq < ? ORDER BY seq DESC LIMIT ?)) ORDER BY seq DESC LIMIT ?`,
    ),
    earned: db.prepare<[], { account: string; amountMicro: number }>(
      "SELECT account, balance_micro AS amountMicro FROM accounts WHERE account >= 'node:' AND account < 'node;' " +
        'AND balance_micro > 0 ORDER BY account',
    ),
    lastEntry: db.prepare<[], number>('SELECT max(seq) FROM ledger_entries').pluck(),
    lastSettled: db.prepare<[], number>('SELECT max(last_entry) FROM settlements').pluck(),
    insertSettlement: db.prepare<[string, number, string]>(
      'INSERT INTO settlements (id, last_entry, body) VALUES (?, ?, ?)',
    ),
    insertWebhook: db.prepare<[string, string, string, string, string, number]>(
      'INSERT INTO webhook_deliveries (api_key_id, url, secret, event_id, body, tries, next_at) ' +
        'VALUES (?, ?, ?, ?, ?, 0, ?)',
    ),
    settlement: db.prepare<[string], string>('SELECT body FROM settlements WHERE id = ?').pluck(),
    settlements: db
      .prepare<[Record<string, unknown>], string>(
        'SELECT body FROM settlements WHERE @after IS NULL OR seq < (SELECT seq FROM settlements WHERE id = @after) ' +
          'ORDER BY seq DESC LIMIT @limit',
      )
      .pluck(),
    faults: db.prepare<[], LedgerFault>(FAULTS),
  };
}

const FAULTS = `
WITH moves AS (
  SELECT from_account AS account, -amount_micro AS micro FROM ledger_entries
  UNION ALL SELECT to_account, amount_micro FROM ledger_entries
), sums AS (SELECT account, sum(micro) AS micro FROM moves GROUP BY account)
SELECT account, coalesce(balance_micro, 0) AS balanceMicro, coalesce(micro, 0) AS entriesMicro
FROM accounts FULL JOIN sums USING (account)
WHERE coalesce(balance_micro, 0) <> coalesce(micro, 0) ORDER BY account`;
