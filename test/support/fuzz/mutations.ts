import fc from 'fast-check';
import { hostileValue } from './hostile-values.ts';

type Change = { at: number; how: 'put' | 'drop' | 'add'; value: unknown };
type Place = { holder: Record<string, unknown> | unknown[]; key: string };

const change: fc.Arbitrary<Change> = fc.record({
  at: fc.nat({ max: 1_000 }),
  how: fc.constantFrom('put', 'put', 'drop', 'add'),
  value: hostileValue,
});

/** Documents that were right until one or two of their places were changed. */
export function nearly(right: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.tuple(right, fc.array(change, { minLength: 1, maxLength: 2 })).map(([value, changes]) => {
    const copy: unknown = JSON.parse(JSON.stringify(value ?? null));
    return changes.reduce(changed, copy);
  });
}

function changed(whole: unknown, { at, how, value: shared }: Change): unknown {
  // Values are used again and again: one that is put into itself would have no end.
  const value: unknown = JSON.parse(JSON.stringify(shared ?? null));
  const places = placesIn(whole, []);
  const place = places[at % Math.max(1, places.length)];
  if (place === undefined) return value;
  const holder = place.holder as Record<string, unknown>;
  if (how === 'put') holder[place.key] = value;
  else if (how === 'drop') delete holder[place.key];
  else holder[`unknown-${at}`] = value;
  return whole;
}

/** The first few hundred: what a change of before has put in may be large. */
function placesIn(value: unknown, places: Place[]): Place[] {
  if (typeof value !== 'object' || value === null || places.length > 500) return places;
  for (const key of Object.keys(value)) {
    places.push({ holder: value as Place['holder'], key });
    placesIn((value as Record<string, unknown>)[key], places);
  }
  return places;
}
