import { type Static, Type } from 'typebox';
import { ServedModel } from '../protocol/capabilities.ts';

/** A model whose files are on this machine: served, or `unusable` while there is no GPU that it could run on. */
export const ListedModel = Type.Intersect([
  Type.Omit(ServedModel, ['state']),
  Type.Object({ state: Type.Union([Type.Literal('warm'), Type.Literal('installed'), Type.Literal('unusable')]) }),
]);
export type ListedModel = Static<typeof ListedModel>;
