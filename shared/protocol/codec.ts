import type { Static, TSchema } from 'typebox';
import { Problem } from '../problems/problem.ts';
import { holdsHalfCharacter } from './half-characters.ts';
import { validatorOf } from './validator.ts';

const SHOWN_PATH = 200;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

export function encodeJson(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}

/** A checked reader for one message shape; what does not fit is a `protocol_violation` that names the place. */
export function messageReader<Schema extends TSchema>(
  schema: Schema,
  name: string,
): (bytes: Uint8Array) => Static<Schema> {
  const validator = validatorOf(schema);
  return (bytes) => {
    const value = parseJson(bytes, name);
    if (validator.Check(value)) return value as Static<Schema>;
    const first = validator.Errors(value)[0];
    // A name within the message may be as long as the message.
    const place = first === undefined ? '' : ` at ${first.instancePath.slice(0, SHOWN_PATH) || '/'}: ${first.message}`;
    throw new Problem('protocol_violation', `This is not a ${name}${place}.`);
  };
}

function parseJson(bytes: Uint8Array, name: string): unknown {
  try {
    const text = decoder.decode(bytes);
    if (!holdsHalfCharacter(text)) return JSON.parse(text);
  } catch {
    // Without the cause: its message quotes the body, and bodies hold prompts that must not reach a log.
    throw new Problem('protocol_violation', `This is not a ${name}: its body is not JSON in UTF-8.`);
  }
  throw new Problem('protocol_violation', `This is not a ${name}: there is half of a character in it.`);
}
