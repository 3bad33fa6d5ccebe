import { type Static, Type } from 'typebox';

/** A whole number of millionths of a credit. A credit is what the operator of the relay says it is. */
export const Micro = Type.Integer({ minimum: 0, maximum: 1_000_000_000_000 });

const Rate = (description: string) => Type.Optional(Type.Integer({ ...Micro, default: 0, description }));

/** What work at one service costs. Of a rate that is absent nothing is charged. */
export const PriceRates = Type.Object(
  {
    per_job_micro: Rate('Millionths of a credit for each job'),
    per_second_micro: Rate('for each second that the node worked'),
    per_million_input_tokens_micro: Rate('for a million tokens of input'),
    per_million_output_tokens_micro: Rate('for a million tokens of output'),
    fee_percent: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 100,
        default: 0,
        description: 'The share of the relay; the rest is the node’s',
      }),
    ),
  },
  {
    additionalProperties: false,
    examples: [{ per_million_input_tokens_micro: 50_000, per_million_output_tokens_micro: 200_000, fee_percent: 10 }],
  },
);
export type PriceRates = Static<typeof PriceRates>;

/** What is paid for: counts of tokens, and how long the node worked in milliseconds. */
export type BilledWork = { inputTokens: number; outputTokens: number; nodeMs: number };

/** Shares of an amount; together they are the whole of it. */
export type Shares = { nodeMicro: number; feeMicro: number };

const MILLION = 1_000_000;
const MS_PER_S = 1_000;

/** What the work costs, rounded up once, so that work is never free by being cut small. */
export function amountMicro(rates: PriceRates, work: BilledWork): number {
  const tokens =
    (rates.per_million_input_tokens_micro ?? 0) * work.inputTokens +
    (rates.per_million_output_tokens_micro ?? 0) * work.outputTokens;
  const seconds = ((rates.per_second_micro ?? 0) * Math.max(0, work.nodeMs)) / MS_PER_S;
  return (rates.per_job_micro ?? 0) + Math.ceil(tokens / MILLION + seconds);
}

/** Parts an amount between relay and node; the odd millionth is the node's. */
export function sharesOf(amount: number, rates: PriceRates): Shares {
  const feeMicro = Math.floor((amount * (rates.fee_percent ?? 0)) / 100);
  return { nodeMicro: amount - feeMicro, feeMicro };
}
