import { Type } from 'typebox';
import { Problem } from '../../problems/problem.ts';
import { base64ToFloats, floatsToBase64 } from '../../protocol/base64.ts';
import type { JsonInput } from '../../protocol/messages.ts';
import { plain } from '../../registry/answers.ts';
import { withDefaults } from '../../registry/prompt.ts';
import { compileSchema, type SchemaCheck } from '../../registry/schema-check.ts';
import { KERNEL_SERVICES, type KernelService, MOST_STEPS, MOST_VALUES } from './kernel-inputs.ts';

type Read = { schema: ReturnType<typeof plain>; check: SchemaCheck };
const known = new Map<KernelService, Read>();

/** Whether this version knows the service. */
export function isKernelService(service: string | undefined): service is KernelService {
  return service !== undefined && Object.hasOwn(KERNEL_SERVICES, service);
}

/** Reads an input by the node's own schema, whatever the relay has let through. Errors: `invalid_value`. */
export function readKernelInput(service: KernelService, { model: _, ...asked }: JsonInput): JsonInput {
  const { schema, check } = known.get(service) ?? compile(service);
  const fault = check(asked);
  if (fault === undefined) return withDefaults(asked, schema);
  throw invalid(fault.sentence, fault.path === '' ? undefined : fault.path);
}

function compile(service: KernelService): Read {
  const schema = plain(Type.Object(KERNEL_SERVICES[service].input, { additionalProperties: false }));
  const read = { schema, check: compileSchema(schema) };
  known.set(service, read);
  return read;
}

/** The numbers of a job. Errors: `invalid_value` for none, too many, or one that is no number. */
export function valuesOf({ values, data }: JsonInput): Float32Array<ArrayBuffer> {
  if (!Array.isArray(values) && typeof data !== 'string') throw invalid('Send values, data or file_id.', 'values');
  const read = Array.isArray(values) ? Float32Array.from(values as number[]) : floatsOf(String(data));
  const place = Array.isArray(values) ? 'values' : 'data';
  if (read.length === 0 || read.length > MOST_VALUES) {
    throw invalid(`A job takes 1 to ${MOST_VALUES} numbers. Send a part.`, place);
  }
  // Float32Array.every calls a function for each of a million.
  for (const value of read) if (!Number.isFinite(value)) throw invalid('All numbers must be finite float32.', place);
  return read;
}

function floatsOf(data: string): Float32Array<ArrayBuffer> {
  try {
    return base64ToFloats(data);
  } catch {
    throw invalid('data must be float32 numbers in base64.', 'data');
  }
}

/** Refuses a length that does not fit what else was said. */
export function assertLength(values: Float32Array, expected: number, words: string): void {
  if (values.length !== expected) throw invalid(`${words} are ${expected} numbers; ${values.length} came.`, 'values');
}

/** Refuses a job that would keep a node busy for longer than anybody waits. */
export function assertSteps(steps: number): void {
  if (steps <= MOST_STEPS) return;
  throw invalid(
    `This is ${steps.toExponential(1)} steps of work; a job may have ${MOST_STEPS}. Ask for less at a time.`,
  );
}

export function invalid(sentence: string, param?: string): Problem {
  return new Problem('invalid_value', sentence, param === undefined ? {} : { param });
}

/** Numbers in the form in which the job's own came. Errors: `result_too_large`; `invalid_value` for what JSON does not write. */
export function inFormOf({ values }: JsonInput, result: Float32Array): JsonInput {
  if (result.length > MOST_VALUES) {
    throw new Problem('result_too_large', `A result may have ${MOST_VALUES} numbers. Ask for a part.`);
  }
  if (!Array.isArray(values)) return { data: floatsToBase64(result) };
  if (result.every(Number.isFinite)) return { values: [...result] };
  throw invalid(
    'The result has numbers that float32 cannot hold. Send smaller ones, or data, which tells which.',
    'values',
  );
}
