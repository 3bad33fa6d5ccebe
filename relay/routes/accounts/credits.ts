import { Type } from 'typebox';
import {
  AccountList,
  type CreditEntry,
  CreditEntry as CreditEntrySchema,
  CreditStanding,
  EntryList,
  GrantRequest,
  PriceList,
  ServicePrice,
} from '../../../shared/api/credits.ts';
import { NoParameters } from '../../../shared/api/no-parameters.ts';
import { PriceRates } from '../../../shared/credits/price.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { ISSUED, keyAccount } from '../../credits/accounts.ts';
import { ANY_SERVICE, type Billing } from '../../credits/billing.ts';
import { leftMicro } from '../../credits/left-micro.ts';
import type { RelayApp, RelayServices } from '../../services.ts';
import type { LedgerEntry, Price } from '../../store/credit-store.ts';
import { readPageLimit } from '../http/page-limit.ts';
import { sendJson } from '../http/send-json.ts';

const tags = ['Credits'];
const admin = { access: 'admin' } as const;
const PAGE = {
  limit: Type.Optional(Type.String({ pattern: '^[0-9]{1,4}$', description: '1 to 1,000; 100 by default' })),
};
const EntryQuery = Type.Object(
  {
    ...PAGE,
    before: Type.Optional(Type.String({ pattern: '^[0-9]{1,15}$', description: 'The `next` of the page before' })),
    account: Type.Optional(Type.String({ maxLength: 128 })),
  },
  { additionalProperties: false },
);
const AccountQuery = Type.Object(
  {
    ...PAGE,
    after: Type.Optional(Type.String({ maxLength: 128 })),
    prefix: Type.Optional(Type.String({ maxLength: 128 })),
  },
  { additionalProperties: false },
);

/** Prices, balances and the ledger behind them. */
export function registerCreditRoutes(app: RelayApp, services: RelayServices): void {
  registerPrices(app, services);
  registerLedger(app, services);
  const { store, billing } = services;
  app.get(
    '/v1/credits',
    {
      config: { access: 'usage' },
      schema: { summary: 'What this key has left', tags, response: { 200: CreditStanding } },
    },
    async ({ principal }, reply) => {
      const { keyId } = principal;
      const account = keyAccount(keyId);
      const known = billing.standing(keyId);
      const balance = known?.balanceMicro ?? (await store.credits.balanceOf(account));
      const budget = billing.budget(keyId);
      // Also what a budget alone has held.
      const heldMicro = (known ?? budget)?.heldMicro ?? 0;
      const limit = known?.limitMicro ?? null;
      const left = limit === null ? null : leftMicro(balance + limit, heldMicro);
      const credits = { account, balance_micro: balance, held_micro: heldMicro, limit_micro: limit, left_micro: left };
      const standing = { ...credits, budget: showBudget(budget) };
      return sendJson(reply, standing);
    },
  );
}

function showBudget(budget: ReturnType<Billing['budget']>): CreditStanding['budget'] {
  if (budget === undefined) return null;
  const { budgetMicro, budgetDuration, softBudgetMicro, spentMicro, heldMicro, renewsAt } = budget;
  return {
    budget_micro: budgetMicro,
    budget_duration: budgetDuration,
    soft_budget_micro: softBudgetMicro,
    spent_micro: spentMicro,
    held_micro: heldMicro,
    left_micro: budgetMicro === null ? null : leftMicro(budgetMicro, spentMicro, heldMicro),
    renews_at: renewsAt,
  };
}

function registerPrices(app: RelayApp, { billing, registry }: RelayServices): void {
  const params = Type.Object({
    service: Type.String({ maxLength: 128, description: 'Its id, with the slash as %2F' }),
  });
  app.get(
    '/v1/admin/prices',
    {
      config: admin,
      schema: {
        summary: 'What services cost',
        tags,
        querystring: NoParameters,
        response: { 200: PriceList },
      },
    },
    async (_request, reply) => sendJson(reply, { data: billing.listPrices().map(showPrice), next: null }),
  );
  app.put(
    '/v1/admin/prices/:service',
    {
      config: admin,
      schema: {
        summary:
          'Set the price of a service, or of * for every other; jobs that end from now on pay it, those of keys with a limit no more than was held for them',
        tags,
        params,
        body: PriceRates,
        response: { 200: ServicePrice },
      },
    },
    async ({ params: { service }, body }, reply) => {
      if (service !== ANY_SERVICE) registry.get(service, 'service');
      return sendJson(reply, showPrice(await billing.setPrice(service, body)));
    },
  );
  app.delete(
    '/v1/admin/prices/:service',
    {
      config: admin,
      schema: { summary: 'Make a service free', tags, params, response: { 200: ServicePrice } },
    },
    async ({ params: { service } }, reply) => {
      const price = await billing.removePrice(service);
      if (price !== undefined) return sendJson(reply, showPrice(price));
      throw new Problem('price_not_found', `${service.slice(0, 128)} has no price.`, { param: 'service' });
    },
  );
}

function registerLedger(app: RelayApp, { billing, keyAdmin, store }: RelayServices): void {
  app.get(
    '/v1/admin/credits/accounts',
    {
      config: admin,
      schema: {
        summary: 'Balances by account: key:ID, node:ID, withheld:ID, relay, issued, settled',
        tags,
        querystring: AccountQuery,
        response: { 200: AccountList },
      },
    },
    async ({ query: { limit: wanted, after = '', prefix = '' } }, reply) => {
      const limit = readPageLimit(wanted);
      const found = await store.credits.listAccounts({ limit: limit + 1, after, prefix });
      const data = found.slice(0, limit).map(({ account, balanceMicro }) => ({ account, balance_micro: balanceMicro }));
      return sendJson(reply, { data, next: found.length > limit ? (data.at(-1)?.account ?? null) : null });
    },
  );
  app.get(
    '/v1/admin/credits/entries',
    {
      config: admin,
      schema: {
        summary: 'Entries of the ledger, newest first',
        tags,
        querystring: EntryQuery,
        response: { 200: EntryList },
      },
    },
    async ({ query: { limit: wanted, before: last, account } }, reply) => {
      const limit = readPageLimit(wanted);
      const before = last === undefined ? undefined : Number(last);
      const found = await store.credits.listEntries({ limit: limit + 1, before, account });
      const data = found.slice(0, limit).map(showEntry);
      return sendJson(reply, { data, next: found.length > limit ? (data.at(-1)?.seq ?? null) : null });
    },
  );
  app.post(
    '/v1/admin/credits/grants',
    {
      config: admin,
      schema: {
        summary: 'Give credits to a key; the same mark again gives them once',
        tags,
        body: GrantRequest,
        response: { 200: CreditEntrySchema, 201: CreditEntrySchema },
      },
    },
    async ({ body: { key, amount_micro: amountMicro, reference } }, reply) => {
      const to = keyAccount(await keyAdmin.accountOf(key));
      const order = { at: Date.now(), from: ISSUED, to, amountMicro, reference };
      const { entry, isNew } = await store.credits.grant(order);
      if (entry.to !== to || entry.amountMicro !== amountMicro) throw markTaken(entry);
      // Also when it is not new: whoever asked before may not have heard that it was written.
      billing.granted(entry);
      return sendJson(reply.code(isNew ? 201 : 200), showEntry(entry));
    },
  );
}

function markTaken({ reference, to, amountMicro }: LedgerEntry): Problem {
  const sentence = `The reference ${reference} was given to a grant of ${amountMicro} millionths of a credit to ${to}. Use another one.`;
  return new Problem('grant_conflict', sentence, { param: 'reference' });
}

function showPrice({ service, rates, updatedAt }: Price): ServicePrice {
  return { service, rates, updated_at: updatedAt };
}

function showEntry({ amountMicro, ...entry }: LedgerEntry): CreditEntry {
  return { ...entry, amount_micro: amountMicro };
}
