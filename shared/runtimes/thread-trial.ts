import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';

const strict = { additionalProperties: false };
const Tried = Type.Object(
  {
    /** At most more than any machine has. */
    threads: Type.Integer({ minimum: 1, maximum: 4_096 }),
    /** Of all rows of a pass, in a second. */
    tokensPerS: Type.Number({ minimum: 0, maximum: 1e9 }),
  },
  strict,
);

/** On how many threads a model computes several answers, or texts, at once, and what was measured for that choice. */
export const ThreadTrial = Type.Object({ chosen: Tried, other: Tried }, strict);
export type ThreadTrial = Static<typeof ThreadTrial>;

/** What a worker says that it has measured; null where that cannot be. */
export function readThreadTrial(said: unknown): ThreadTrial | null {
  return Value.Check(ThreadTrial, said) ? said : null;
}
