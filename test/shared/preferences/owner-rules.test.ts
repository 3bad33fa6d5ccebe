import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byCare } from '../../../shared/preferences/contribution.ts';
import { parseOwnerDocument } from '../../../shared/preferences/owner-document.ts';
import { needsOf, needsText, rulesInForce } from '../../../shared/preferences/owner-rules.ts';
import { DEFAULT_PREFERENCES, type Preferences } from '../../../shared/preferences/preferences.ts';
import { NOTHING_KNOWN, type Presence } from '../../../shared/preferences/presence.ts';

/** An owner who minds nothing. */
const EASY: Preferences = {
  ...DEFAULT_PREFERENCES,
  profiles: {
    here: { contribute: true, slots: 2, duty_percent: 100 },
    away: { contribute: true, slots: 2, duty_percent: 100 },
  },
  games: { detect: false, programs: [] },
  other_gpu_load_percent: null,
  contribute_on_battery: true,
  contribute_when_hot: true,
  contribute_on_metered_network: true,
};

test('an owner who minds nothing has no rule, and nothing has to be looked at', () => {
  assert.deepEqual(rulesInForce(EASY, NOTHING_KNOWN), []);
  assert.equal(needsOf(EASY).size, 0);
});

const RULES: [rule: string, needs: keyof Presence, set: Partial<Preferences>, seen: Partial<Presence>][] = [
  ['games.programs', 'programs', { games: { detect: false, programs: ['a'] } }, { programs: ['a'] }],
  ['games.detect', 'game', { games: { detect: true, programs: [] } }, { game: 'A' }],
  ['games.detect', 'full_screen', { games: { detect: true, programs: [] } }, { full_screen: true }],
  ['other_gpu_load_percent', 'other_gpu_percent', { other_gpu_load_percent: 50 }, { other_gpu_percent: 51 }],
  ['contribute_on_battery', 'power', { contribute_on_battery: false }, { power: 'battery' }],
  ['contribute_when_hot', 'heat', { contribute_when_hot: false }, { heat: 'hot' }],
  ['contribute_on_metered_network', 'metered', { contribute_on_metered_network: false }, { metered: true }],
];
for (const [rule, needs, set, seen] of RULES) {
  test(`${rule} is in force when it is set, needs ${needs}, and is followed where that is told`, () => {
    const preferences = { ...EASY, ...set };
    assert.ok(needsOf(preferences).has(needs));
    const of = (presence: Presence) => rulesInForce(preferences, presence).find((each) => each.needs === needs);
    assert.deepEqual(of(NOTHING_KNOWN), { rule, needs, followed: false });
    assert.deepEqual(of({ ...NOTHING_KNOWN, ...seen }), { rule, needs, followed: true });
    assert.equal(byCare(preferences, NOTHING_KNOWN), undefined, 'nothing is guessed');
    assert.equal(byCare(preferences, { ...NOTHING_KNOWN, ...seen })?.contributing, false);
    assert.equal(byCare(EASY, { ...NOTHING_KNOWN, ...seen }), undefined);
  });
}

test('keyboard and mouse are a rule where the profiles differ', () => {
  const { here, away } = DEFAULT_PREFERENCES.profiles;
  assert.deepEqual([...needsOf({ ...EASY, profiles: { here, away } })], ['idle_s']);
  assert.deepEqual(
    [...needsOf({ ...EASY, profiles: { here, away: { ...here, contribute: !here.contribute } } })],
    ['idle_s'],
  );
});

test('what rules need is a list for a person, also of a rule that only a later version knows', () => {
  const rules = rulesInForce({ ...DEFAULT_PREFERENCES, games: { detect: false, programs: ['a'] } }, NOTHING_KNOWN);
  assert.equal(
    needsText(rules),
    'programs that you name, other load on the GPU, battery, heat, metered networks, keyboard and mouse',
  );
  assert.equal(needsText([{ rule: 'x', needs: 'moon', followed: false }]), 'moon');
});

test('an owner who writes a part of the document has the rest as in the app, and a wrong word is refused', () => {
  const games = { detect: true, programs: ['blender'] };
  const { preferences } = parseOwnerDocument(JSON.stringify({ version: 1, games }), 'policy.json');
  assert.deepEqual(preferences, { ...DEFAULT_PREFERENCES, games });
  assert.throws(() => parseOwnerDocument('{"version": 1, "game": {}}', 'policy.json'), /policy\.json: .*game/);
  const newer = parseOwnerDocument('{"version": 2, "unload_after_s": null}', 'policy.json');
  assert.deepEqual(newer.preferences, { ...DEFAULT_PREFERENCES, unload_after_s: null });
  assert.throws(() => parseOwnerDocument('{"version": 3}', 'policy.json'), /policy\.json: .*version/);
});
