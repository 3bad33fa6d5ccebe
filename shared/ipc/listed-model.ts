import { type Static, Type } from 'typebox';
import { ServedModel } from '../protocol/capabilities.ts';
import { ThreadTrial } from '../runtimes/thread-trial.ts';
import { MemoryBudget } from './model-size.ts';

/** A model whose files are on this machine: served, or `unusable` while there is no GPU that it could run on. */
export const ListedModel = Type.Intersect([
  Type.Omit(ServedModel, ['state']),
  Type.Object({
    state: Type.Union([Type.Literal('warm'), Type.Literal('installed'), Type.Literal('unusable')]),
    /** What it takes of the memory of its device. */
    needBytes: Type.Integer({ minimum: 0 }),
    /** Whether that is the most that it has taken here, or expected from the size of its files. */
    needBasis: Type.Union([Type.Literal('measured'), Type.Literal('estimated')]),
    budget: MemoryBudget,
    /** Whether the owner added it, and may remove it. */
    isAdded: Type.Boolean(),
    threadTrial: Type.Optional(ThreadTrial),
  }),
]);
export type ListedModel = Static<typeof ListedModel>;
