import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LANGUAGES } from '../../../shared/ipc/language.ts';
import { countdown } from '../../../shared/ipc/reason-line.ts';
import { reasonInFull, shortReason } from '../../../shared/preferences/reasons.ts';
import { Why } from '../../../shared/preferences/why.ts';

/** Of each reason that has details one with all of them, and what of it a person must read. */
const DETAILED: readonly [why: Why, details: Readonly<Record<'en' | 'fr', readonly string[]>>][] = [
  [{ is: 'program', program: 'EldenRing.exe' }, same('EldenRing.exe')],
  [{ is: 'game', game: 'Elden Ring' }, same('Elden Ring')],
  [{ is: 'gpu_busy', percent: 41.6 }, same('42 %')],
  [
    { is: 'hours', opensAt: 3 * 1_440 + 18 * 60 + 5 },
    { en: ['Wed 18:05'], fr: ['mer. 18:05'] },
  ],
  [{ is: 'in_use', idle_s: 130.7, away_after_s: 300 }, same('02:10', '05:00')],
  [{ is: 'unreachable', relay: 'https://relay.example:8080' }, same('https://relay.example:8080', '10 s')],
  [
    { is: 'refused', code: 'node_revoked', detail: 'The node was revoked.' },
    { en: ['The node was revoked.'], fr: ['L’opérateur du relais a exclu cette machine'] },
  ],
];

function same(...details: string[]) {
  return { en: details, fr: details };
}

/** All reasons there are, and which of them carry more than their name. */
const KINDS = Why.anyOf.map(({ properties }) => ({
  is: properties.is.const,
  hasDetails: Object.keys(properties).length > 1,
}));

test('says every detail of a reason in every language', () => {
  const told = new Set(DETAILED.map(([why]) => why.is));
  assert.deepEqual(
    KINDS.filter(({ is, hasDetails }) => hasDetails !== told.has(is)),
    [],
  );
  for (const [why, details] of DETAILED) {
    for (const language of LANGUAGES) {
      for (const say of [reasonInFull, shortReason]) {
        for (const detail of details[language]) assert.ok(say(why, language).includes(detail), say(why, language));
      }
    }
  }
});

test('says each reason in one line of its language, and in full whether the machine contributes', () => {
  const whys = [...DETAILED.map(([why]) => why), ...KINDS.filter(({ hasDetails }) => !hasDetails)] as Why[];
  for (const why of whys) {
    const [en, fr] = [reasonInFull(why, 'en'), reasonInFull(why, 'fr')];
    assert.match(en, /^(Paused|Finishing|Contributing)[^\n]*$/);
    assert.match(fr, /^(En pause|Mise en pause|Fin de la tâche|Contribue|Cette machine contribue)[^\n]*$/);
    assert.notEqual(shortReason(why, 'en'), shortReason(why, 'fr'));
    assert.doesNotMatch(shortReason(why, 'en'), /^(Paused: |[a-z])/);
  }
  assert.equal(shortReason({ is: 'hours', opensAt: null }, 'fr'), 'Hors de votre horaire');
  assert.equal(shortReason({ is: 'program', program: 'witcher3.exe' }, 'en'), 'witcher3.exe is running');
});

test('counts down what was said by hand alone, and names another day', () => {
  const now = new Date(2026, 10, 21, 13).getTime();
  const paused = (minutes: number | null) => {
    const until = minutes === null ? null : now + minutes * 60_000;
    return { until, wish: { state: 'paused' as const, until } };
  };
  assert.equal(countdown(paused(null), 'en', now), '');
  assert.equal(countdown({ until: now + 1, wish: { state: 'contribute' } }, 'en', now), '');
  assert.equal(countdown(paused(30), 'en', now), ' (resumes 13:30, in 30 min)');
  assert.equal(countdown(paused(180), 'fr', now), ' (reprend à 16:00)');
  assert.equal(countdown(paused(19 * 60), 'fr', now), ' (reprend demain à 08:00)');
  assert.equal(countdown(paused(5 * 1_440), 'fr', now), ' (reprend jeu. 26 nov. à 13:00)');
  const insisting = { until: now + 60_000, wish: { state: 'insist' as const, until: now + 60_000 } };
  assert.equal(countdown(insisting, 'fr', now), ' (jusqu’à 13:01, dans 1 min)');
});
