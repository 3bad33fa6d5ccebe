import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import type { TLocalizedValidationError } from 'typebox/error';

/** Tells whether a value is of one schema, and what is wrong with it where it is not. */
export type Validator<Schema extends TSchema> = {
  Check(value: unknown): value is Static<Schema>;
  Errors(value: unknown): readonly TLocalizedValidationError[];
};

/**
 * A validator that is compiled when it is first asked: a process declares some thirty, asks a few of them, and would else spend a
 * tenth of its start on all. Errors: those of TypeBox's compiler, then.
 */
export function validatorOf<const Schema extends TSchema>(schema: Schema): Validator<Schema> {
  let compiled: Validator<TSchema> | undefined;
  const validator = (): Validator<TSchema> => {
    compiled ??= Compile(schema as TSchema) as Validator<TSchema>;
    return compiled;
  };
  return {
    Check: (value): value is Static<Schema> => validator().Check(value),
    Errors: (value) => validator().Errors(value),
  };
}
