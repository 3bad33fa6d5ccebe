/**
 * Values of `format` as patterns. Each gives a part of what the format allows, in its most usual writing: what comes out
 * is always valid, and not everything valid can come out.
 */
const HOUR = '([01]\\d|2[0-3])';
const SIXTY = '[0-5]\\d';
const TIME = `${HOUR}:${SIXTY}:${SIXTY}(\\.\\d{1,6})?(Z|[+-]${HOUR}:${SIXTY})`;
const MONTH_AND_DAY =
  '((0[13578]|1[02])-(0[1-9]|[12]\\d|3[01])|(0[469]|11)-(0[1-9]|[12]\\d|30)|02-(0[1-9]|1\\d|2[0-8]))';
/** The years that 4 divides and that are no full hundred. */
const LEAP_YEAR = '\\d\\d(0[48]|[2468][048]|[13579][26])';
const DATE = `(\\d{4}-${MONTH_AND_DAY}|${LEAP_YEAR}-02-29)`;
const LABEL = '[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?';
const HOST = `${LABEL}(\\.${LABEL}){0,5}`;
const BYTE = '(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const HEX = '[0-9a-f]';

export const FORMATS: Readonly<Record<string, string>> = {
  date: `^${DATE}$`,
  time: `^${TIME}$`,
  'date-time': `^${DATE}T${TIME}$`,
  duration: '^P(\\d{1,4}W|\\d{1,4}D(T\\d{1,4}H(\\d{1,4}M)?)?|T\\d{1,4}(H(\\d{1,4}M(\\d{1,4}S)?)?|M(\\d{1,4}S)?|S))$',
  email: `^[a-z0-9_]{1,20}([.+-][a-z0-9_]{1,20}){0,2}@${LABEL}(\\.${LABEL}){0,3}\\.[a-z]{2,10}$`,
  hostname: `^${HOST}$`,
  ipv4: `^${BYTE}(\\.${BYTE}){3}$`,
  ipv6: `^${HEX}{1,4}(:${HEX}{1,4}){7}$`,
  uri: `^https?://${HOST}(:[1-9]\\d{0,3})?(/[A-Za-z0-9._~-]{1,40}){0,8}/?(\\?[A-Za-z0-9._~=&-]{1,80})?$`,
  uuid: `^${HEX}{8}-${HEX}{4}-${HEX}{4}-${HEX}{4}-${HEX}{12}$`,
};

/** Of JSON Schema, beside those above. */
const OTHER_STANDARDS = new Set([
  'idn-email',
  'idn-hostname',
  'uri-reference',
  'iri',
  'iri-reference',
  'uri-template',
  'json-pointer',
  'relative-json-pointer',
  'regex',
]);

/** Whether JSON Schema says what the format is; others, such as those of zod, mean what the pattern beside them says. */
export function isStandard(format: unknown): boolean {
  return typeof format === 'string' && (Object.hasOwn(FORMATS, format) || OTHER_STANDARDS.has(format));
}
