import { Problem } from '../../shared/problems/problem.ts';
import { ORIGINS, type ResolvedSetting } from './resolve-settings.ts';

/**
 * Whether a node looks for its relay or goes to the address it was given: what was said in the higher place counts.
 * Errors: `invalid_setting` when both were said in the same one.
 */
export function isToDiscover(settings: readonly ResolvedSetting[]): boolean {
  const find = (wanted: string) => settings.find(({ section, key }) => section === 'node' && key === wanted);
  const discover = find('discover');
  if (discover?.value !== true) return false;
  const relay = find('relay');
  const lead = rank(discover) - rank(relay);
  if (lead !== 0) return lead > 0;
  throw new Problem(
    'invalid_setting',
    `${discover.place} and ${relay?.place} say two things: find the relay, and where it is. Give one of them.`,
  );
}

function rank(setting: ResolvedSetting | undefined): number {
  return ORIGINS.indexOf(setting?.origin ?? 'default');
}
