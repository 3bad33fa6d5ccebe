import { type Static, Type } from 'typebox';
import { PriceRates } from '../credits/price.ts';
import { Settlement } from '../credits/settlement.ts';
import { Maybe, Nullable } from './nullable.ts';

const Micro = Type.Integer({ description: 'Millionths of a credit' });
const Time = Type.Integer({ description: 'Milliseconds since 1970' });

export const ServicePrice = Type.Object({
  service: Type.String({ description: 'Its id, or * for every service without a price of its own' }),
  rates: PriceRates,
  updated_at: Time,
});
export type ServicePrice = Static<typeof ServicePrice>;
export const PriceList = Type.Object({ data: Type.Array(ServicePrice), next: Type.Null() });

export const CreditAccount = Type.Object({ account: Type.String(), balance_micro: Micro });
export type CreditAccount = Static<typeof CreditAccount>;
export const AccountList = Type.Object({ data: Type.Array(CreditAccount), next: Nullable(Type.String()) });
export type AccountList = Static<typeof AccountList>;

export const CreditEntry = Type.Object({
  seq: Type.Integer(),
  at: Time,
  kind: Type.Enum(['charge', 'withheld', 'fee', 'grant', 'payout']),
  from: Type.String(),
  to: Type.String(),
  amount_micro: Micro,
  reference: Type.String({ description: 'The receipt or job it pays for, its settlement, or the mark of a grant' }),
});
export type CreditEntry = Static<typeof CreditEntry>;
export const EntryList = Type.Object({ data: Type.Array(CreditEntry), next: Nullable(Type.Integer()) });
export type EntryList = Static<typeof EntryList>;

/** Body of `POST /v1/admin/credits/grants`. */
export const GrantRequest = Type.Object(
  {
    key: Type.String({ minLength: 1, maxLength: 64, description: 'The id of an API key' }),
    amount_micro: Type.Integer({ minimum: 1, maximum: 1_000_000_000_000_000, description: 'Millionths of a credit' }),
    reference: Type.String({
      pattern: '^[\\x21-\\x7e]{1,128}$',
      description: 'A mark of your own, such as the number of a payment; a grant with the same mark is made once',
    }),
  },
  { additionalProperties: false, examples: [{ key: 'key_4f2a9c', amount_micro: 5_000_000, reference: 'invoice-17' }] },
);
export type GrantRequest = Static<typeof GrantRequest>;

/** What a key has. */
export const CreditStanding = Type.Object({
  account: Type.String(),
  balance_micro: Micro,
  held_micro: Micro,
  limit_micro: Nullable(Micro),
  left_micro: Nullable(Micro),
  budget: Nullable(
    Type.Object({
      budget_micro: Nullable(Micro),
      budget_duration: Nullable(Type.String()),
      soft_budget_micro: Nullable(Micro),
      spent_micro: Micro,
      held_micro: Micro,
      left_micro: Nullable(Micro),
      renews_at: Nullable(Type.Integer({ description: 'Milliseconds since 1970' })),
    }),
  ),
});
export type CreditStanding = Static<typeof CreditStanding>;

/** Body of `POST /v1/admin/settlements`. */
export const SettleRequest = Type.Object(
  {
    webhook: Maybe(
      Type.Object(
        {
          url: Type.String({ pattern: '^https?://', maxLength: 2_048 }),
          secret: Type.String({ minLength: 16, maxLength: 256 }),
        },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false, examples: [{}] },
);
export type SettleRequest = Static<typeof SettleRequest>;
export const SettlementQuery = Type.Object(
  {
    limit: Type.Optional(Type.String({ pattern: '^[0-9]{1,4}$', description: '1 to 1,000; 100 by default' })),
    after: Type.Optional(Type.String({ maxLength: 64, description: 'The `next` of the page before' })),
  },
  { additionalProperties: false },
);
export const SettlementList = Type.Object({ data: Type.Array(Settlement), next: Nullable(Type.String()) });
export type SettlementList = Static<typeof SettlementList>;
