import { Type } from 'typebox';

/**
 * The query of a list that has no parameters. What is tried there all the same is told: a list of everything that was asked
 * for by `?state=` looks like the answer.
 */
export const NoParameters = Type.Object({}, { additionalProperties: false });
