import type { Settlement } from '../../../shared/credits/settlement.ts';
import { SETTLED } from '../../credits/accounts.ts';
import { closeSettlement, settlementEvent } from '../../credits/close-settlement.ts';
import type { ReceiptSigner } from '../../receipts/seal-receipt.ts';
import type { Account, CreditStore, LedgerEntry, LedgerFault, SettlementOrder, Spent } from '../credit-store.ts';
import { ENTRY_COLUMNS, type EntryRow, type PriceRow, toEntry, toPrice, toSettlement } from '../rows/ledger-rows.ts';
import type { PostgresAccess, Queries } from './queries.ts';
import { INSERT_WEBHOOK } from './queued-job-store.ts';

const PUT_PRICE =
  'INSERT INTO prices (service, rates, updated_at) VALUES ($1, $2, $3) ' +
  'ON CONFLICT (service) DO UPDATE SET rates = excluded.rates, updated_at = excluded.updated_at';
const DELETE_PRICE = 'DELETE FROM prices WHERE service = $1';
const PRICES = 'SELECT service, rates, updated_at FROM prices ORDER BY service';
const BALANCE = 'SELECT balance_micro AS "balanceMicro" FROM accounts WHERE account = $1';
// One statement sees one state of the ledger.
const SPENT =
  'SELECT (SELECT coalesce(sum(amount_micro), 0)::bigint FROM ledger_entries WHERE from_account = $1 AND at >= $2 AND ($4::bigint IS NULL OR at < $4)) AS "sinceMicro", ' +
  '(SELECT coalesce(sum(amount_micro), 0)::bigint FROM ledger_entries WHERE from_account = $1 AND seq > $3) AS "laterMicro", ' +
  '(SELECT max(at) FROM ledger_entries WHERE from_account = $1) AS "latestAt"';
const ACCOUNTS =
  'SELECT account, balance_micro AS "balanceMicro" FROM accounts ' +
  'WHERE account > $1 AND account >= $2 AND account < $3 ORDER BY account LIMIT $4';
const INSERT = `INSERT INTO ledger_entries (${ENTRY_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6) RETURNING seq`;
const SELECT = `SELECT seq, ${ENTRY_COLUMNS} FROM ledger_entries`;
const GRANT = `${SELECT} WHERE kind = 'grant' AND reference = $1`;
const ENTRIES = `${SELECT} WHERE seq < $1 ORDER BY seq DESC LIMIT $2`;
const ENTRIES_OF =
  `(${SELECT} WHERE from_account = $3 AND seq < $1 ORDER BY seq DESC LIMIT $2) UNION ALL ` +
  `(${SELECT} WHERE to_account = $3 AND seq < $1 ORDER BY seq DESC LIMIT $2) ORDER BY seq DESC LIMIT $2`;
const EARNED =
  'SELECT account, balance_micro AS "amountMicro" FROM accounts ' +
  "WHERE account >= 'node:' AND account < 'node;' AND balance_micro > 0 ORDER BY account";
const LAST =
  'SELECT (SELECT coalesce(max(seq), 0) FROM ledger_entries) AS entry, ' +
  '(SELECT coalesce(max(last_entry), 0) FROM settlements) AS settled';
const INSERT_SETTLEMENT =
  'INSERT INTO settlements (id, last_entry, body) SELECT $1, coalesce(max(seq), 0), $2 FROM ledger_entries';
const SETTLEMENT = 'SELECT body FROM settlements WHERE id = $1';
const SETTLEMENTS =
  'SELECT body FROM settlements WHERE $1::text IS NULL OR seq < (SELECT seq FROM settlements WHERE id = $1) ' +
  'ORDER BY seq DESC LIMIT $2';
const FAULTS = `
WITH moves AS (
  SELECT from_account AS account, -amount_micro AS micro FROM ledger_entries
  UNION ALL SELECT to_account, amount_micro FROM ledger_entries
), sums AS (SELECT account, sum(micro) AS micro FROM moves GROUP BY account)
SELECT account, coalesce(balance_micro, 0) AS "balanceMicro", coalesce(micro, 0) AS "entriesMicro"
FROM accounts FULL JOIN sums USING (account)
WHERE coalesce(balance_micro, 0) <> coalesce(micro, 0) ORDER BY account`;

/** The ledger on PostgreSQL. */
export function createCreditStore(access: PostgresAccess, signer: ReceiptSigner | undefined): CreditStore {
  return {
    putPrice: ({ service, rates, updatedAt }) =>
      access.write(async (db) => void (await db.run(PUT_PRICE, [service, JSON.stringify(rates), updatedAt]))),
    deletePrice: (service) => access.write(async (db) => (await db.run(DELETE_PRICE, [service])) === 1),
    listPrices: () => access.read(async (db) => (await db.all<PriceRow>(PRICES)).map(toPrice)),
    balanceOf: (account) => access.read(async (db) => (await db.one<Account>(BALANCE, [account]))?.balanceMicro ?? 0),
    spentOf: (account, { at, until, behindSeq }) =>
      access.read(
        async (db) =>
          (await db.one<Spent>(SPENT, [account, at, behindSeq, until])) ?? {
            sinceMicro: 0,
            laterMicro: 0,
            latestAt: null,
          },
      ),
    listAccounts: ({ limit, after, prefix }) =>
      access.read((db) => db.all<Account>(ACCOUNTS, [after, prefix, `${prefix}\u{10ffff}`, limit])),
    grant: (entry) => access.write((db) => enterGrant(db, entry)),
    listEntries: ({ limit, before = Number.MAX_SAFE_INTEGER, account }) =>
      access.read(async (db) => {
        const isOfAll = account === undefined;
        const rows = await db.all<EntryRow>(
          isOfAll ? ENTRIES : ENTRIES_OF,
          isOfAll ? [before, limit] : [before, limit, account],
        );
        return rows.map(toEntry);
      }),
    settle: (order) =>
      access.write((db) => {
        if (signer === undefined) throw new Error('the store was opened without the key that signs settlements');
        return settle(db, order, signer);
      }),
    findSettlement: (id) =>
      access.read(async (db) => toSettlement((await db.one<{ body: string }>(SETTLEMENT, [id]))?.body)),
    listSettlements: ({ limit, after = null }) =>
      access.read(async (db) =>
        (await db.all<{ body: string }>(SETTLEMENTS, [after, limit])).map(({ body }) => JSON.parse(body) as Settlement),
      ),
    auditLedger: () => access.read((db) => db.all<LedgerFault>(FAULTS)),
  };
}

async function enterGrant(
  db: Queries,
  { at, from, to, amountMicro, reference }: Omit<LedgerEntry, 'seq' | 'kind'>,
): Promise<{ entry: LedgerEntry; isNew: boolean }> {
  const known = await db.one<EntryRow>(GRANT, [reference]);
  if (known !== undefined) return { entry: toEntry(known), isNew: false };
  const inserted = await db.one<{ seq: number }>(INSERT, [at, 'grant', from, to, amountMicro, reference]);
  return { entry: { seq: inserted?.seq ?? 0, at, kind: 'grant', from, to, amountMicro, reference }, isNew: true };
}

async function settle(db: Queries, order: SettlementOrder, signer: ReceiptSigner): Promise<Settlement | undefined> {
  const lines = await db.all<{ account: string; amountMicro: number }>(EARNED);
  if (lines.length === 0) return undefined;
  const { entry = 0, settled = 0 } = (await db.one<{ entry: number; settled: number }>(LAST)) ?? {};
  const settlement = closeSettlement({ ...order, lines, entries: { from: settled + 1, to: entry } }, signer);
  for (const { account, amountMicro } of lines) {
    await db.one(INSERT, [order.closedAt, 'payout', account, SETTLED, amountMicro, order.id]);
  }
  await db.run(INSERT_SETTLEMENT, [order.id, JSON.stringify(settlement)]);
  if (order.webhook !== null) {
    const { apiKeyId, id, body } = settlementEvent(settlement);
    const { url, secret } = order.webhook;
    await db.run(INSERT_WEBHOOK, [apiKeyId, url, secret, id, body, order.closedAt]);
  }
  return settlement;
}
