import { amountMicro, type PriceRates, sharesOf } from '../../shared/credits/price.ts';
import { Problem } from '../../shared/problems/problem.ts';
import type { ChatInput } from '../../shared/protocol/messages.ts';
import { SERVICE_OF_JOB_TYPE } from '../../shared/receipts/statements.ts';
import { TEMPLATE_TOKENS } from '../jobs/answer/believable-usage.ts';
import type { JobSpec } from '../jobs/job.ts';
import type { Charge, CreditStore, LedgerEntry, Price } from '../store/credit-store.ts';
import type { JobRecord } from '../store/store.ts';
import { keyAccount, nodeAccount } from './accounts.ts';
import { type BudgetPorts, type BudgetStanding, type Budgets, createBudgets } from './budgets.ts';
import { creditsText } from './credits-text.ts';

/** The price of every service that has none of its own. */
export const ANY_SERVICE = '*';

/** The part of a job that its price depends on. */
export type Priced = Pick<JobSpec, 'type' | 'service' | 'input'>;

/** Says what jobs cost and holds that much of the credits of keys that may not owe more than a limit. */
export type Billing = {
  listPrices(): Price[];
  setPrice(service: string, rates: PriceRates): Promise<Price>;
  /** Gives the price that was; undefined when there was none. */
  removePrice(service: string): Promise<Price | undefined>;
  /** Learns how far below 0 a key may go, null for as far as it gets; call it before the first `reserve`, and whenever that may have changed. */
  setLimit(keyId: string, limitMicro: number | null): void;
  /** The same for what it may spend in a period. */
  readonly setBudget: Budgets['set'];
  /** The most that the job can cost; undefined when it is free. */
  mostFor(job: Priced): number | undefined;
  /** Whether an amount could be held now. Errors: `insufficient_credits`, `budget_exceeded`. */
  assertRoom(keyId: string, holdMicro: number): void;
  /** Holds an amount, which may be 0, until `finished` or `release`. Errors: `insufficient_credits`, `budget_exceeded`. */
  reserve(jobId: string, keyId: string, holdMicro: number): void;
  /** Holds again what an earlier relay held. */
  restore(jobId: string, keyId: string, holdMicro: number): void;
  /** Lets go of a hold whose job does not come to be. */
  release(jobId: string): void;
  /** What is charged for a job that has ended; null when it is free. It is never more than what was held for it. */
  chargeFor(job: Priced & Pick<JobSpec, 'holdMicro'>, record: JobRecord): Charge | null;
  /** Hears of every job that has ended: its hold turns into its charge. */
  finished(record: JobRecord): void;
  /** Hears of a grant that is written down; of the same one again as often as it likes. */
  granted(entry: Pick<LedgerEntry, 'seq' | 'to' | 'amountMicro'>): void;
  /** What a key with a limit has left, and what of it is held; undefined for another. */
  standing(keyId: string): Standing | undefined;
  /** What is spent of its budget, and what beside that is held; undefined for one without. */
  budget(keyId: string): (BudgetStanding & { heldMicro: number }) | undefined;
};

export type Standing = { balanceMicro: number; limitMicro: number; heldMicro: number };

/** What an answer without a limit of its own is held for; its charge ends there. */
const USUAL_OUTPUT_TOKENS = 4_096;
/** The same for work that is paid by time. */
const USUAL_NODE_MS = 60_000;
const ACCOUNTS_AT_ONCE = 1_000;

/**
 * Invariants: (1) what is held of a key is the sum of its holds; (2) a job is let in only while balance, limit and holds
 * leave room for all that it can cost, and is charged no more than that, so that no key spends more than it may, however
 * many jobs it runs at once; (3) a job without a price costs one look into an empty map; (4) balances are read before
 * anything is charged or granted, and from then on only counted, so that nothing is in them twice.
 */
export async function openBilling(
  store: CreditStore,
  now: () => number,
  onSoftReached: BudgetPorts['onSoftReached'] = () => undefined,
): Promise<Billing> {
  const prices = new Map((await store.listPrices()).map((price) => [price.service, price]));
  const balances = await readBalances(store);
  const lastRead = (await store.listEntries({ limit: 1 }))[0]?.seq ?? 0;
  /** Grants that came since. */
  const granted = new Set<number>();
  const budgets = createBudgets({ store, lastSeq: lastRead, onSoftReached, now });
  const limits = new Map<string, number>();
  const holds = new Map<string, { keyId: string; micro: number }>();
  const held = new Map<string, number>();

  const ratesOf = ({ type, service }: Pick<JobSpec, 'type' | 'service'>): PriceRates | undefined =>
    prices.size === 0
      ? undefined
      : (prices.get(service ?? SERVICE_OF_JOB_TYPE[type]) ?? prices.get(ANY_SERVICE))?.rates;
  const hold = (jobId: string, keyId: string, micro: number): void => {
    holds.set(jobId, { keyId, micro });
    held.set(keyId, (held.get(keyId) ?? 0) + micro);
  };
  const release = (jobId: string): void => {
    const found = holds.get(jobId);
    if (found === undefined) return;
    holds.delete(jobId);
    held.set(found.keyId, (held.get(found.keyId) ?? 0) - found.micro);
  };
  const assertRoom = (keyId: string, holdMicro: number): void => {
    const heldMicro = held.get(keyId) ?? 0;
    // A limit may have been taken away since the key was let in.
    const leftMicro = balanceOf(keyId) + (limits.get(keyId) ?? Number.POSITIVE_INFINITY) - heldMicro;
    // What is free is free for a key that owes, too.
    if (holdMicro > Math.max(0, leftMicro)) throw insufficient(holdMicro, leftMicro);
    budgets.assertRoom(keyId, holdMicro, heldMicro);
  };
  const balanceOf = (keyId: string): number => balances.get(keyAccount(keyId)) ?? 0;
  const change = (account: string, micro: number): void => {
    balances.set(account, (balances.get(account) ?? 0) + micro);
  };

  return {
    listPrices: () => [...prices.values()].sort((a, b) => (a.service < b.service ? -1 : 1)),
    setPrice: async (service, rates) => {
      const price = { service, rates, updatedAt: now() };
      await store.putPrice(price);
      prices.set(service, price);
      return price;
    },
    removePrice: async (service) => {
      await store.deletePrice(service);
      const was = prices.get(service);
      prices.delete(service);
      return was;
    },
    setLimit: (keyId, limitMicro) => {
      if (limitMicro === null) limits.delete(keyId);
      else limits.set(keyId, limitMicro);
    },
    setBudget: budgets.set,
    mostFor: (job) => {
      const rates = ratesOf(job);
      return rates && amountMicro(rates, mostWork(job));
    },
    assertRoom,
    reserve: (jobId, keyId, holdMicro) => {
      assertRoom(keyId, holdMicro);
      hold(jobId, keyId, holdMicro);
    },
    restore: hold,
    release,
    chargeFor: (job, record) => {
      const rates = ratesOf(job);
      const node = record.attempts.at(-1);
      if (rates === undefined || node === undefined || record.usage === null || record.state === 'failed') return null;
      const work = { ...billedTokens(job, record), nodeMs: node.finishedAt - (node.startedAt ?? node.finishedAt) };
      const amount = Math.min(amountMicro(rates, work), job.holdMicro ?? Number.MAX_SAFE_INTEGER);
      if (amount === 0) return null;
      const reference = record.receipt?.id ?? record.id;
      return {
        payer: keyAccount(record.apiKeyId),
        node: nodeAccount(node.nodeId),
        ...sharesOf(amount, rates),
        reference,
      };
    },
    finished: ({ id, apiKeyId, finishedAt, charge }) => {
      release(id);
      if (charge == null) return;
      const micro = charge.nodeMicro + charge.feeMicro;
      change(charge.payer, -micro);
      budgets.charged(apiKeyId, finishedAt, micro);
    },
    granted: ({ seq, to, amountMicro }) => {
      if (seq <= lastRead || granted.has(seq)) return;
      granted.add(seq);
      change(to, amountMicro);
    },
    standing: (keyId) => {
      const limitMicro = limits.get(keyId);
      return limitMicro === undefined
        ? undefined
        : { balanceMicro: balanceOf(keyId), limitMicro, heldMicro: held.get(keyId) ?? 0 };
    },
    budget: (keyId) => {
      const standing = budgets.standing(keyId);
      return standing && { ...standing, heldMicro: held.get(keyId) ?? 0 };
    },
  };
}

/** Of every account of a key. */
async function readBalances(store: CreditStore): Promise<Map<string, number>> {
  const balances = new Map<string, number>();
  const page = { limit: ACCOUNTS_AT_ONCE, prefix: keyAccount('') };
  for (let after: string | undefined = ''; after !== undefined; ) {
    const accounts = await store.listAccounts({ ...page, after });
    for (const { account, balanceMicro } of accounts) balances.set(account, balanceMicro);
    after = accounts.length < page.limit ? undefined : accounts.at(-1)?.account;
  }
  return balances;
}

/** What was counted as it passed, or what can be believed of the node's word; of an answer that had no limit, the usual. */
function billedTokens(job: Priced, { usage, receipt }: JobRecord): { inputTokens: number; outputTokens: number } {
  const { outputTokens: counted = null, responseBytes = 0 } = receipt?.usage.measured ?? {};
  const { inputTokens, outputTokens: made } = usage ?? { inputTokens: 0, outputTokens: 0 };
  const most = job.type === 'llm' ? mostMade(job.input as ChatInput) : responseBytes;
  return { inputTokens, outputTokens: Math.min(counted ?? made, most) };
}

function mostMade({ choices = 1, maxTokens }: ChatInput): number {
  return choices * (maxTokens ?? USUAL_OUTPUT_TOKENS);
}

/** No token is shorter than a byte. */
function mostWork({ type, input }: Priced): { inputTokens: number; outputTokens: number; nodeMs: number } {
  const inputTokens = Buffer.byteLength(JSON.stringify(input)) + TEMPLATE_TOKENS;
  if (type !== 'llm') return { inputTokens, outputTokens: 0, nodeMs: USUAL_NODE_MS };
  return { inputTokens, outputTokens: mostMade(input as ChatInput), nodeMs: USUAL_NODE_MS };
}

function insufficient(neededMicro: number, leftMicro: number): Problem {
  const sentence =
    `This may cost up to ${creditsText(neededMicro)} credits and the key has ${creditsText(Math.max(0, leftMicro))} left. ` +
    'Ask for less at once (max_tokens), wait for your running jobs, or ask the operator for credits.';
  return new Problem('insufficient_credits', sentence);
}
