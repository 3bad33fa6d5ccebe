import { type Static, Type } from 'typebox';
import { ServedModel } from '../protocol/capabilities.ts';

/** A model whose files are on this machine: served, or `unusable` while there is no GPU that it could run on. */
export const ListedModel = Type.Intersect([
  Type.Omit(ServedModel, ['state']),
  Type.Object({
    state: Type.Union([Type.Literal('warm'), Type.Literal('installed'), Type.Literal('unusable')]),
    /** What it is expected to take of the GPU's memory. */
    needBytes: Type.Integer({ minimum: 0 }),
    /** What models may take of that; null where nobody says how much there is. */
    availableBytes: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]),
    /** Whether the owner added it, and may remove it. */
    isAdded: Type.Boolean(),
  }),
]);
export type ListedModel = Static<typeof ListedModel>;
