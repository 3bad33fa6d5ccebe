import createCompiler from '@fastify/ajv-compiler';
import type { FastifySchemaCompiler } from 'fastify';
import type { FastifySchemaValidationError } from 'fastify/types/schema.js';
import type { RelayApp } from '../../services.ts';
import { problemOfValidation } from './validation.ts';

/** The framework's own defaults would turn null into 0 and drop what they do not know: clients must hear of both. */
const AJV = {
  coerceTypes: false,
  removeAdditional: false,
  useDefaults: false,
  strict: false,
  strictNumbers: true,
} as const;

type Validate = ReturnType<ReturnType<ReturnType<typeof createCompiler>>>;

/** Of this process: routes share schemas, and so do the relays of a test. */
const validators = new WeakMap<object, Validate>();
let compile: ReturnType<ReturnType<typeof createCompiler>> | undefined;

function validatorOf(schema: object): Validate {
  const known = validators.get(schema);
  if (known !== undefined) return known;
  compile ??= createCompiler()({}, { customOptions: AJV });
  const validate = compile({ schema } as Parameters<typeof compile>[0]);
  validators.set(schema, validate);
  return validate;
}

/** Passes a body that comes otherwise than by its route. Errors: those of the route. */
export function assertOfSchema(schema: object, body: unknown): void {
  const validate = validatorOf(schema);
  if (validate(body) as boolean) return;
  throw problemOfValidation((validate.errors ?? []) as FastifySchemaValidationError[], 'body');
}

/**
 * Has what a route takes compiled when it is first asked, and what it answers never: to compile all of them takes two
 * thirds of the time in which a relay starts, and what a route sends was built here.
 */
export function compileOnDemand(app: RelayApp): void {
  const compiler: FastifySchemaCompiler<object> = ({ schema }) => {
    const check = (value: unknown): boolean => {
      const validate = validatorOf(schema);
      const isValid = validate(value) as boolean;
      check.errors = validate.errors ?? null;
      return isValid;
    };
    check.errors = null as FastifySchemaValidationError[] | null;
    return check;
  };
  app.setValidatorCompiler(compiler);
  app.setSerializerCompiler(() => JSON.stringify);
}
