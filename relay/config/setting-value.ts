import type { TSchema } from 'typebox';
import { Value } from 'typebox/value';
import type { SettingRow } from './sections.ts';

/** Reads a value that came as text, from a variable or a flag. What is not of the type stays text and fails the check. */
export function fromText(schema: TSchema, text: string): unknown {
  switch ('type' in schema ? schema.type : undefined) {
    case 'integer':
    case 'number':
      return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
    case 'boolean':
      return text === 'true' || text === '1' ? true : text === 'false' || text === '0' ? false : text;
    case 'array':
      return text
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== '');
    default:
      return text;
  }
}

/** A list of a setting whose items may stand as text, with what they say. */
export function withItemsRead({ setting }: Pick<SettingRow, 'setting'>, value: unknown): unknown {
  const { itemOfText } = setting;
  if (itemOfText === undefined || !Array.isArray(value)) return value;
  return value.map((item: unknown) => (typeof item === 'string' ? itemOfText(item) : item));
}

/** What is wrong with a value, as the end of a sentence; undefined when nothing is. Never repeats the value. */
export function faultOf(
  { schema, setting }: Pick<SettingRow, 'schema' | 'setting'>,
  value: unknown,
): string | undefined {
  const isAddress = 'pattern' in schema && typeof value === 'string' && String(schema.pattern).startsWith('^https?');
  // First, as it may ask for more than a schema can say.
  const partAtFault = setting.faultOf?.(value);
  if (partAtFault !== undefined) return `is wrong: ${partAtFault}`;
  return Value.Check(schema, value) && (!isAddress || URL.canParse(value)) ? undefined : `must be ${setting.wanted}`;
}
