import { type Static, Type } from 'typebox';

/** A problem as it travels over NATS and between threads: a code, a sentence that says what to do, and where it applies. */
export const ProblemRecord = Type.Object({
  code: Type.String(),
  detail: Type.String(),
  param: Type.Optional(Type.String()),
});
export type ProblemRecord = Static<typeof ProblemRecord>;
