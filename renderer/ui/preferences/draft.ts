import { type Preferences, parsePreferences } from '../../../shared/preferences/preferences.ts';
import { Problem } from '../../../shared/problems/problem.ts';

/** Places in the document, as problems name them: `policy.sizes.output_tokens`. */
export type Place = string;
type Document = Record<string, unknown>;

/** `scale` is how many of the document's units one of the shown ones is; `empty` is what no text means. */
type NumberField = { scale: number; empty: 'null' | 'absent' | 'refused' };

const NUMBERS: Readonly<Record<Place, NumberField>> = {
  'profiles.here.slots': { scale: 1, empty: 'refused' },
  'profiles.away.slots': { scale: 1, empty: 'refused' },
  'profiles.here.duty_percent': { scale: 1, empty: 'refused' },
  'profiles.away.duty_percent': { scale: 1, empty: 'refused' },
  away_after_s: { scale: 60, empty: 'refused' },
  other_gpu_load_percent: { scale: 1, empty: 'null' },
  unload_after_s: { scale: 60, empty: 'null' },
  disk_quota_bytes: { scale: 1e9, empty: 'null' },
  'policy.jobs_per_client': { scale: 1, empty: 'absent' },
  'policy.sizes.output_tokens': { scale: 1, empty: 'absent' },
  'policy.sizes.input_characters': { scale: 1, empty: 'absent' },
};
/** Names, one on a line; none is no list at all. */
const LISTS: readonly Place[] = [
  'policy.clients.allow',
  'policy.clients.deny',
  'policy.models.allow',
  'policy.models.deny',
];

/** What stands in the form: the document, and beside it the texts of fields that may be no numbers yet. */
export type Draft = { document: Preferences; texts: Readonly<Record<Place, string>> };
export type Faults = Readonly<Record<Place, 'not_a_number' | 'needed' | 'not_accepted'>>;

export function draftOf(document: Preferences): Draft {
  const numbers = Object.entries(NUMBERS).map(([place, { scale }]) => {
    const value = valueAt(document, place);
    return [place, typeof value === 'number' ? String(value / scale) : ''];
  });
  const lists = LISTS.map((place) => [place, ((valueAt(document, place) ?? []) as string[]).join('\n')]);
  return { document, texts: Object.fromEntries([...numbers, ...lists]) };
}

/** The document that the form means, or what is wrong with it and where. Pure. */
export function readDraft({ document, texts }: Draft): { preferences: Preferences } | { faults: Faults } {
  const faults: Record<Place, Faults[Place]> = {};
  let read: Document = document;
  for (const [place, { scale, empty }] of Object.entries(NUMBERS)) {
    const text = (texts[place] ?? '').trim().replace(',', '.');
    const value = Number(text) * scale;
    if (text === '' && empty !== 'refused') read = withValue(read, place, empty === 'null' ? null : undefined);
    else if (text === '') faults[place] = 'needed';
    else if (!Number.isFinite(value)) faults[place] = 'not_a_number';
    else read = withValue(read, place, Math.abs(value % 1) < 1e-6 || scale > 1 ? Math.round(value) : value);
  }
  for (const place of LISTS) {
    const names = (texts[place] ?? '').split('\n').flatMap((line) => line.trim() || []);
    read = withValue(read, place, names.length === 0 ? undefined : names);
  }
  if (Object.keys(faults).length > 0) return { faults };
  try {
    return { preferences: parsePreferences(read) };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { faults: { [fieldOf(error.param ?? '')]: 'not_accepted' } };
  }
}

/** The field that a place in the document belongs to: the third program is the field of programs. */
export function fieldOf(place: Place): Place {
  return place.replace(/\.\d+$/, '');
}

function valueAt(document: unknown, place: Place): unknown {
  return place.split('.').reduce<unknown>((at, name) => (at as Document | undefined)?.[name], document);
}

/** A copy with that value; undefined takes the place away, and what is then empty above it. */
function withValue(document: Document, place: Place, value: unknown): Document {
  const [name = '', ...rest] = place.split('.');
  const { [name]: known, ...others } = document;
  const inner = rest.length === 0 ? value : withValue((known ?? {}) as Document, rest.join('.'), value);
  const isNothing = inner === undefined || (rest.length > 0 && Object.keys(inner as Document).length === 0);
  // What the document always has stays, also when it is empty.
  return isNothing && name !== 'policy' ? others : { ...document, [name]: inner === undefined ? {} : inner };
}
