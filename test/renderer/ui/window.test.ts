import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAIN_TEXTS } from '../../../main/tray/main-texts.ts';
import { preferredLocale } from '../../../renderer/language/locales.ts';
import { everyDay } from '../../../renderer/ui/contributions/every-day.ts';
import { forecastOf } from '../../../renderer/ui/contributions/forecast.ts';
import { withGames, withWhen } from '../../../renderer/ui/first-run/answers.ts';
import { clockOf, statusOf } from '../../../renderer/ui/home/status.ts';
import { createTokenRate } from '../../../renderer/ui/home/token-rate.ts';
import { csvOf, filterRows } from '../../../renderer/ui/ledger/filter-rows.ts';
import { speechOf, TEXTS } from '../../../renderer/ui/locale.ts';
import { bugReport, renewedReport, reportLink } from '../../../renderer/ui/logs/bug-report.ts';
import { isAtLeast, readLogLine } from '../../../renderer/ui/logs/log-lines.ts';
import { draftOf, readDraft } from '../../../renderer/ui/preferences/draft.ts';
import { moved, painted, presetGrid } from '../../../renderer/ui/preferences/week-cells.ts';
import { viewOf } from '../../../renderer/ui/routes.ts';
import { detectsOf } from '../../../renderer/ui/sensing.ts';
import type { AppState } from '../../../shared/ipc/app-state.ts';
import { energyOf, sumOfDays } from '../../../shared/ipc/ledger-sums.ts';
import { countdown } from '../../../shared/ipc/reason-line.ts';
import { YIELD_CODES } from '../../../shared/preferences/contribution.ts';
import { DEFAULT_PREFERENCES, type Preferences } from '../../../shared/preferences/preferences.ts';
import { NOTHING_KNOWN } from '../../../shared/preferences/presence.ts';
import { hoursOfGrid } from '../../../shared/preferences/week-grid.ts';
import { JOB_TYPES } from '../../../shared/protocol/subjects.ts';

const STATE: AppState = {
  version: '0.1.0',
  contributing: false,
  code: 'game',
  why: { is: 'game', game: 'secret-game.exe' },
  reason: 'Paused: game detected (secret-game.exe)',
  until: null,
  wish: { state: 'contribute' },
  presence: { ...NOTHING_KNOWN, game: 'secret-game.exe', programs: ['secret-tool'] },
  unknown: ['heat'],
  relay: { state: 'connected', relay: 'https://relay.example', nodeId: 'attic-1' },
  jobs: [{ job: 'j', type: 'llm', model: 'acme/secret', client: 'key_1', startedAt: 0, outputTokens: 1 }],
  questions: [],
  records: { syncedAt: null, waiting: 0, problem: null },
  gpu: null,
  devices: [],
  downloads: [],
  machineTest: { running: false, found: 0, result: null },
  memoryHeld: true,
  loaded: [{ model: 'acme/secret', unloadsAt: null }],
  memoryCheck: null,
  drawIsTold: false,
  duty: { here: 100, away: 100 },
  startsAtLogin: false,
  update: { state: 'off' },
  checksForUpdates: 'unasked',
  secretsProtected: true,
  hasTray: true,
  language: 'en',
};

/** Of a node whose owner does not yield. */
const OTHER_CODES = [
  'no_model_allowed',
  'no_service_allowed',
  'unpaired',
  'key_store_locked',
  'unreachable',
  'refused',
] as const;

/** The paths of all texts, and what stands there. */
function textsOf(value: unknown, path = ''): [string, string][] {
  if (typeof value === 'string') return [[path, value]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => textsOf(member, `${path}.${name}`));
}

test('has the same texts in every language, none of them empty', () => {
  const paths = (texts: unknown): string[] => textsOf(texts).map(([path]) => path);
  assert.deepEqual(paths(TEXTS.fr).sort(), paths(TEXTS.en).sort());
  for (const texts of Object.values(TEXTS)) {
    for (const [path, text] of textsOf(texts)) assert.ok(text.trim().length > 0, path);
  }
  for (const type of JOB_TYPES) assert.notEqual(TEXTS.fr.services[type], undefined, type);
  assert.equal(preferredLocale(['de', 'fr-CA']), 'fr');
  assert.equal(preferredLocale(['toString']), 'en');
});

test('says for every code what the machine does and why, in both languages', () => {
  for (const code of [...YIELD_CODES, 'contributing', ...OTHER_CODES]) {
    const state = { ...STATE, code, contributing: code === 'contributing' };
    const [en, fr] = [statusOf(state, TEXTS.en), statusOf(state, TEXTS.fr)];
    assert.equal(en.tone, fr.tone);
    assert.equal(en.why, 'Game detected (secret-game.exe)');
    assert.equal(fr.why, 'Jeu détecté (secret-game.exe)');
  }
  const why = { is: 'refused' as const, code: 'node_revoked', detail: 'The node was revoked.' };
  const refused = statusOf({ ...STATE, code: 'refused', why }, TEXTS.fr).why;
  assert.match(refused, /^Refusée par le relais : L’opérateur du relais a exclu cette machine/);
});

test('is contributing or paused, in window and tray alike, and a pause for the owner has a colour of its own', () => {
  for (const code of [...YIELD_CODES, ...OTHER_CODES]) {
    const state = { ...STATE, code, contributing: false };
    for (const language of ['en', 'fr'] as const) {
      assert.equal(statusOf(state, TEXTS[language]).title, MAIN_TEXTS[language].states.paused, code);
    }
  }
  assert.equal(statusOf({ ...STATE, contributing: true }, TEXTS.fr).title, MAIN_TEXTS.fr.states.contributing);
  assert.equal(statusOf({ ...STATE, code: 'game' }, TEXTS.en).tone, 'yielding');
  assert.equal(statusOf({ ...STATE, code: 'paused' }, TEXTS.en).tone, 'paused');
});

test('writes what is left as a clock, and bytes in the units of the language', () => {
  assert.deepEqual(
    [clockOf(0), clockOf(-5), clockOf(61_000), clockOf(7_509_000)],
    ['00:00', '00:00', '01:01', '2:05:09'],
  );
  const { show } = speechOf('en');
  assert.deepEqual([show.bytes(0), show.bytes(999), show.bytes(1_500_000)], ['0 bytes', '999 bytes', '1.5 MB']);
});

test('writes the time of day as the tray does, in every language', () => {
  const at = new Date(2026, 3, 18, 17, 5).getTime();
  const paused = { until: at, wish: { state: 'paused' as const, until: at } };
  for (const locale of ['en', 'fr'] as const) {
    assert.equal(speechOf(locale).show.time(at), '17:05');
    assert.ok(countdown(paused, locale, at - 5 * 3_600_000).includes('17:05'));
  }
});

test('tells tokens per second only when it has seen some time, and forgets what is long ago', () => {
  const rate = createTokenRate();
  const job = (outputTokens: number) => [{ ...STATE.jobs[0], job: 'j', outputTokens } as AppState['jobs'][number]];
  assert.equal(rate.look(job(0), 0), null);
  assert.equal(rate.look(job(20), 1_000), 20);
  assert.equal(rate.look(job(20), 10_000), null);
  assert.equal(rate.look([], 11_000), null);
});

test('reads a form of preferences whole or not at all', () => {
  const draft = draftOf(DEFAULT_PREFERENCES);
  assert.deepEqual(readDraft(draft), { preferences: DEFAULT_PREFERENCES });
  const write = (changes: Record<string, string>) => readDraft({ ...draft, texts: { ...draft.texts, ...changes } });
  assert.deepEqual(write({ away_after_s: '', 'profiles.here.slots': 'x' }), {
    faults: { 'profiles.here.slots': 'not_a_number', away_after_s: 'needed' },
  });
  assert.deepEqual(write({ 'policy.jobs_per_client': '0' }), { faults: { 'policy.jobs_per_client': 'not_accepted' } });
  assert.deepEqual(write({ 'profiles.here.slots': '1.5' }), { faults: { 'profiles.here.slots': 'not_accepted' } });
  const all = {
    away_after_s: '0,5',
    other_gpu_load_percent: '',
    disk_quota_bytes: '12.5',
    'policy.sizes.output_tokens': '400',
    'policy.clients.deny': ' key_1 \n\nkey_2',
  };
  const read = write(all) as { preferences: Preferences };
  assert.equal(read.preferences.away_after_s, 30);
  assert.equal(read.preferences.other_gpu_load_percent, null);
  assert.equal(read.preferences.disk_quota_bytes, 12_500_000_000);
  assert.deepEqual(read.preferences.policy, { sizes: { output_tokens: 400 }, clients: { deny: ['key_1', 'key_2'] } });
  const back = draftOf(read.preferences);
  assert.deepEqual(
    readDraft({ ...back, texts: { ...back.texts, 'policy.sizes.output_tokens': '', 'policy.clients.deny': '' } }),
    {
      preferences: { ...read.preferences, policy: {} },
    },
  );
});

test('paints blocks of the week, and stops at its edges', () => {
  const grid = painted(presetGrid('never'), { row: 6, hour: 23 }, { row: 5, hour: 22 }, true);
  assert.deepEqual(hoursOfGrid(grid), ['sun 22:00-24:00', 'sat 22:00-24:00']);
  assert.deepEqual(moved({ row: 0, hour: 0 }, 'ArrowUp'), { row: 0, hour: 0 });
  assert.deepEqual(moved({ row: 6, hour: 23 }, 'ArrowRight'), { row: 6, hour: 23 });
  assert.equal(moved({ row: 0, hour: 0 }, 'a'), undefined);
  assert.equal(hoursOfGrid(presetGrid('always')), undefined);
});

test('takes an answer of the first run into the preferences, and leaves the rest', () => {
  const nights = withWhen(DEFAULT_PREFERENCES, 'nights');
  assert.equal(nights.policy.hours?.length, 2);
  const away = withWhen(nights, 'away');
  assert.deepEqual([away.policy.hours, away.profiles.here.contribute], [undefined, false]);
  assert.deepEqual(withGames(DEFAULT_PREFERENCES, false), {
    ...DEFAULT_PREFERENCES,
    games: { detect: false, programs: [] },
  });
  const named = { ...DEFAULT_PREFERENCES, games: { detect: false, programs: ['a'] } };
  assert.deepEqual(withGames(named, true, ['a', 'b']).games, { detect: true, programs: ['a', 'b'] });
});

test('promises to see of games and full screens what the sensors of the machine see', () => {
  assert.equal(detectsOf(['heat']), 'both');
  assert.equal(detectsOf(['full_screen']), 'games');
  assert.equal(detectsOf(['game']), 'full_screen');
  assert.equal(detectsOf(['game', 'full_screen']), 'nothing');
  for (const texts of Object.values(TEXTS)) {
    assert.doesNotMatch(texts.setup.games.yes.nothing, /games|jeux|screen|écran/i);
    assert.match(texts.unseen(['heat']), new RegExp(texts.sensors.heat ?? '-'));
  }
});

test('counts one line in the singular, in both languages', () => {
  assert.deepEqual([TEXTS.en.ledger.count('1', '1'), TEXTS.en.ledger.count('0', '1')], ['1 line', '0 of 1 line']);
  assert.deepEqual([TEXTS.en.ledger.count('1', '7'), TEXTS.en.ledger.count('7', '7')], ['1 of 7 lines', '7 lines']);
  assert.deepEqual([TEXTS.fr.ledger.count('1', '1'), TEXTS.fr.ledger.count('0', '7')], ['1 ligne', '0 ligne sur 7']);
});

test('finds lines by every word of a filter, and exports nothing that a spreadsheet would run', () => {
  const rows = [
    { row: 2, to: 'Relay.example', kind: 'answer' },
    { row: 1, to: '=cmd()', kind: 'a "b", c' },
  ];
  assert.deepEqual(
    filterRows(rows, ' ANSWER relay ').map(({ row }) => row),
    [2],
  );
  assert.equal(filterRows(rows, ''), rows);
  assert.equal(csvOf(rows), 'row,to,kind\r\n2,Relay.example,answer\r\n1,\'=cmd(),"a ""b"", c"');
});

const dayOf = (day: string, outputTokens: number, credits = 0) => ({
  ...{ day, outputTokens, credits },
  ...{ jobs: 1, failedJobs: 0, busyMs: 1, energyJ: 0, meteredJobs: 0, meteredMs: 0 },
});

test('draws days without work too, and credits as a curve that never falls', () => {
  const { tokens, credits } = everyDay([dayOf('2026-03-30', 5, 2), dayOf('2026-03-27', 7, 1.5)]);
  assert.deepEqual(tokens, [7, 0, 0, 5]);
  assert.deepEqual(credits, [1.5, 1.5, 1.5, 3.5]);
});

test('adds up energy once ten minutes of work were measured, and writes it in the units of the language', () => {
  const measured = { meteredJobs: 3, meteredMs: 599_999, energyJ: 36_000 };
  const days = [{ ...dayOf('2026-03-30', 5), ...measured }, dayOf('2026-03-29', 7)];
  assert.equal(energyOf(sumOfDays([])), undefined);
  assert.equal(energyOf(sumOfDays(days)), undefined);
  const enough = [...days, { ...dayOf('2026-03-28', 5), meteredJobs: 1, meteredMs: 1, energyJ: 900 }];
  assert.deepEqual(energyOf(sumOfDays(enough)), { wattHours: 10.25, known: 4, jobs: 3 });
  const wattHours = (locale: 'en' | 'fr') => [0, 10.25, 12_345].map(speechOf(locale).show.wattHours);
  assert.deepEqual(wattHours('en'), ['0\u00a0Wh', '10.3\u00a0Wh', '12.3\u00a0kWh']);
  assert.deepEqual(wattHours('fr'), ['0\u00a0Wh', '10,3\u00a0Wh', '12,3\u00a0kWh']);
});

test('forecasts a day from at most a week of whole days, and says nothing before there are three', () => {
  const now = new Date(2026, 2, 30, 9).getTime();
  const today = dayOf('2026-03-30', 1_000_000, 99);
  assert.equal(forecastOf([], now), undefined);
  assert.equal(forecastOf([today, dayOf('2026-03-29', 5), dayOf('2026-03-28', 5)], now), undefined);
  const three = forecastOf([today, dayOf('2026-03-29', 30, 3), dayOf('2026-03-27', 60)], now);
  assert.deepEqual(three, { days: 3, tokens: 30, credits: 1, lastTokens: 30, lastCredits: 3 });
  const long = Array.from({ length: 20 }, (_, index) => dayOf(`2026-03-${String(index + 10).padStart(2, '0')}`, index));
  assert.deepEqual([forecastOf(long, now)?.days, forecastOf(long, now)?.tokens], [7, 16]);
});

test('reports a bug with our own words alone, in a link that the app opens', () => {
  const line = readLogLine('{"time":"t","level":"error","message":"a page died","code":"internal","err":"/home/ada"}');
  assert.ok(line);
  assert.equal(readLogLine('{'), undefined);
  assert.equal(isAtLeast(line, 'warn'), true);
  const text = bugReport(STATE, [line], 'What happened?');
  assert.match(text, /State: game\n[\s\S]*t error a page died \(internal\)/);
  assert.doesNotMatch(text, /secret|relay\.example|attic|key_1|ada/);
  const link = reportLink(`${text}${'ü'.repeat(9_000)}`);
  assert.ok(link.length <= 8_000 && URL.canParse(link));
});

test('renews what a report tells of the app beneath what its person wrote, and nothing that they changed', () => {
  const made = bugReport(STATE, [], 'What happened?');
  const newer = bugReport({ ...STATE, code: 'heat' }, [], 'Que s’est-il passé ?');
  const written = made.replace('What happened?', 'What happened? It stopped.');
  assert.equal(renewedReport(written, made, newer), written.replace('State: game', 'State: heat'));
  const changed = made.replace('State: game', 'State: I do not say');
  assert.equal(renewedReport(changed, made, newer), changed);
});

test('shows home for an address that names no view', () => {
  assert.deepEqual(
    [viewOf(''), viewOf('#/logs'), viewOf('#/setup'), viewOf('#/constructor')],
    ['home', 'logs', 'setup', 'home'],
  );
});
