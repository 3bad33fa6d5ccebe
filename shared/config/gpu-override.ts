import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { gpuIdsOf } from '../preferences/gpu-rules.ts';
import { MOST_GPUS } from '../protocol/capabilities.ts';
import { PLAIN_TEXT } from '../protocol/plain-text.ts';
import { DEVICES, PROCESSORS } from '../runtimes/devices/choose-device.ts';

const Words = Type.String({ minLength: 1, maxLength: 128, pattern: PLAIN_TEXT });
/** What models can be run with on a GPU of a node without a screen. */
const GPU_BACKENDS = DEVICES.filter((device) => !PROCESSORS.includes(device));
/** More than any machine has, and few enough bytes to count exactly. */
const MOST_GIB = 65_536;

/** What an owner says of one GPU that the node does not find, or finds otherwise. A speed is no part of it: speeds are measured. */
export const GpuOverride = Type.Object(
  {
    /** Name or id of the GPU as it was found; without it nothing has found the GPU. */
    found: Type.Optional(Words),
    name: Type.Optional(Words),
    vendor: Type.Optional(Words),
    memory_gib: Type.Optional(Type.Number({ minimum: 0.001, maximum: MOST_GIB })),
    driver: Type.Optional(Words),
    backends: Type.Optional(Type.Array(Type.Enum(GPU_BACKENDS), { minItems: 1, maxItems: 8, uniqueItems: true })),
    /** That what was found is none. */
    remove: Type.Optional(Type.Literal(true)),
  },
  { additionalProperties: false },
);
export type GpuOverride = Static<typeof GpuOverride>;
export const GpuOverrides = Type.Array(GpuOverride, { maxItems: MOST_GPUS });

type Field = keyof GpuOverride;
const TEXT = 'a text of 1 to 128 characters, none of which controls a terminal or turns the direction of writing';
const WANTED: Readonly<Record<Field, string>> = {
  found: TEXT,
  name: TEXT,
  vendor: TEXT,
  memory_gib: `a number of GiB from 0.001 to ${MOST_GIB}`,
  driver: TEXT,
  backends: `a list of ${GPU_BACKENDS.join(', ')}, each once`,
  remove: 'true',
};
const FIELDS = Object.keys(WANTED) as Field[];

/**
 * One GPU as flags, variables and lists of texts give it: `name=RTX 4090; memory_gib=24; backends=cuda webgpu`. What is
 * not such a text is given back as it is, and is a fault then.
 */
export function gpuOverrideOfText(text: string): unknown {
  const parts = text.split(';').filter((part) => part.trim() !== '');
  const pairs = parts.map((part) => /^\s*([^\s=]+)\s*=\s*(.*?)\s*$/su.exec(part)?.slice(1) ?? []);
  const names = new Set(pairs.map(([name]) => name));
  if (names.has(undefined) || names.size < pairs.length) return text;
  return Object.fromEntries(pairs.map(([name = '', value = '']) => [name, readField(name, value)]));
}

function readField(field: string, text: string): unknown {
  if (field === 'backends') return text.split(/\s+/);
  if (field === 'memory_gib') return /^\d+(\.\d+)?$/.test(text) ? Number(text) : text;
  return field === 'remove' && text === 'true' ? true : text;
}

/** What is wrong with such a list, beginning with the place; undefined when nothing is. Never repeats a value. */
export function gpuOverridesFault(value: unknown): string | undefined {
  if (!Array.isArray(value)) return undefined;
  if (value.length > MOST_GPUS) return `there are ${value.length} GPUs, and a node may tell of ${MOST_GPUS}`;
  for (const [index, entry] of value.entries()) {
    const fault = entryFault(entry);
    if (fault !== undefined) return `${index}${fault}`;
  }
  return repeatedFault(value as GpuOverride[]);
}

function entryFault(entry: unknown): string | undefined {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    return ' must be fields and values, each field once, such as "name=RTX 4090; memory_gib=24"';
  }
  const stranger = Object.keys(entry).find((key) => !(FIELDS as string[]).includes(key));
  // A name that somebody mistyped helps them; one that moves a cursor does not.
  if (stranger !== undefined) {
    const named = /^\w{1,40}$/.test(stranger) ? `.${stranger}` : '';
    return `${named === '' ? ' has a field that' : named} is not known; there are ${FIELDS.join(', ')}`;
  }
  const wrong = FIELDS.find((field) => Object.hasOwn(entry, field) && !isRight(field, entry));
  if (wrong !== undefined) return `.${wrong} must be ${WANTED[wrong]}`;
  return meaningFault(entry as GpuOverride);
}

function isRight(field: Field, entry: object): boolean {
  return Value.Check(GpuOverride.properties[field], (entry as Record<string, unknown>)[field]);
}

function meaningFault({ found, remove, ...said }: GpuOverride): string | undefined {
  const isSilent = Object.keys(said).length === 0;
  if (found === undefined) {
    if (remove === true) return '.found is missing: it names the GPU that is none';
    return said.name === undefined ? '.name is missing, or .found where the node finds the GPU' : undefined;
  }
  if (remove === true) return isSilent ? undefined : '.remove leaves nothing to say of the GPU beside .found';
  return isSilent ? ' says nothing of the GPU that it names' : undefined;
}

/** Of two that describe one GPU nobody knows which holds. */
function repeatedFault(entries: readonly GpuOverride[]): string | undefined {
  const ids = entries.map(({ found }) => (found === undefined ? undefined : foundId(found)));
  const again = ids.findIndex((id, index) => id !== undefined && ids.indexOf(id) < index);
  return again < 0 ? undefined : `${again}.found names the GPU of ${ids.indexOf(ids[again])} again`;
}

/** The id by which a GPU that was found is named, of its id or its name. */
export function foundId(found: string): string {
  return gpuIdsOf([found])[0] ?? '';
}
