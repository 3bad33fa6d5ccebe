import { type Static, Type } from 'typebox';

const Bytes = Type.Integer({ minimum: 0 });

/** What a download would bring, as its source says. */
export const ModelSize = Type.Object({
  model: Type.String(),
  /** The best of those that suit, which the source has. */
  dtype: Type.String(),
  /** The host that has it. */
  from: Type.String(),
  /** Of the weights, which are nearly all of it; null where the source does not say. */
  weightsBytes: Type.Union([Bytes, Type.Null()]),
});
export type ModelSize = Static<typeof ModelSize>;

/** What the memory that models may take was judged by, the surest first. */
const MEMORY_BASES = ['free', 'total', 'cap', 'share'] as const;

/** What models may take of a device's memory. */
export const MemoryBudget = Type.Object({
  /** Null where nobody says how much there is. */
  bytes: Type.Union([Bytes, Type.Null()]),
  /** `free` now, `total` where what is free is not told, the owner's `cap`, or the `share` of the machine's own memory. */
  basis: Type.Enum(MEMORY_BASES),
});
export type MemoryBudget = Static<typeof MemoryBudget>;

/** Before a download: what it brings, what it is expected to need, and what there is. */
export const ModelOffer = Type.Object({
  ...ModelSize.properties,
  /** Null where the size is not known. */
  needBytes: Type.Union([Bytes, Type.Null()]),
  budget: MemoryBudget,
});
export type ModelOffer = Static<typeof ModelOffer>;
