import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countWork } from '../../renderer/join/counted-runtime.ts';
import { deviceReasonOf } from '../../renderer/join/device-reason.ts';
import { codeOfFragment } from '../../renderer/join/invitation.ts';
import { NO_MODELS, NO_WORK, type Stage } from '../../renderer/join/node-messages.ts';
import { statusOf } from '../../renderer/join/status.ts';
import { STRINGS } from '../../renderer/join/strings.ts';
import { type Locale, preferredLocale } from '../../renderer/language/locales.ts';
import { shownIn } from '../../renderer/language/shown.ts';
import type { DeviceTrial } from '../../shared/protocol/capabilities.ts';
import { chatInput } from '../support/models/pretended-model.ts';
import { collectOutput, NEVER } from '../support/runtimes/runtime-fixtures.ts';
import { createSyntheticRuntime } from '../support/runtimes/synthetic-runtime.ts';

const STAGES: Stage[] = [
  { stage: 'opening' },
  { stage: 'unpaired', problem: null },
  { stage: 'elsewhere' },
  { stage: 'pairing' },
  { stage: 'preparing', model: 'sparewatt/demo-chat', loadedBytes: 1, totalBytes: 4 },
  { stage: 'held' },
  { stage: 'connecting', nodeId: 'a', problem: null },
  { stage: 'connecting', nodeId: 'a', problem: { code: 'relay_unreachable', message: 'The relay does not answer.' } },
  { stage: 'contributing', nodeId: 'a' },
  { stage: 'paused', nodeId: 'a' },
  { stage: 'leaving', nodeId: 'a' },
];
const rest = { machine: null, work: NO_WORK, ...NO_MODELS };

/** The paths of all texts, and what stands there. */
function textsOf(value: unknown, path = ''): [string, string][] {
  if (typeof value === 'string') return [[path, value]];
  if (typeof value === 'function') return [[path, String(value('x', 'y'))]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => textsOf(member, `${path}.${name}`));
}

test('every state of a tab says why, in every language, and no two languages say the same', () => {
  const seen: Record<Locale, string[]> = { en: [], fr: [] };
  for (const locale of ['en', 'fr'] as const) {
    for (const stage of STAGES) {
      const { title, why } = statusOf({ ...stage, ...rest }, STRINGS[locale], locale);
      assert.ok(title.length > 0 && why.length > 0, stage.stage);
      seen[locale].push(`${title} ${why}`);
    }
  }
  assert.equal(seen.en.filter((text) => seen.fr.includes(text)).length, 0);
  const preparing = statusOf(
    { ...rest, stage: 'preparing', model: 'm', loadedBytes: 1, totalBytes: 4 },
    STRINGS.en,
    'en',
  );
  assert.equal(preparing.why, 'Fetching m: 25%');
});

test('no text of the page is empty, and a problem without a translation keeps its own sentence', () => {
  for (const strings of Object.values(STRINGS)) {
    for (const [path, text] of textsOf(strings)) assert.ok(text.trim().length > 0, path);
  }
  const problem = { code: 'relay_unreachable', message: 'The relay does not answer.' };
  assert.equal(STRINGS.en.problem(problem), problem.message);
  assert.match(STRINGS.fr.problem(problem), /^Le relais ne répond pas/);
  assert.equal(STRINGS.fr.problem({ code: 'constructor', message: 'Odd.' }), 'Odd.');
});

test('a model says how fast it was on each device and why it runs where it does, in every language', () => {
  const trial = (device: string, per_second: number | null, verdict: DeviceTrial['verdict']): DeviceTrial => ({
    ...{ device, dtype: 'q4', load_ms: null, reason: 'x' },
    ...{ per_second, verdict },
  });
  const said = (locale: Locale, type: string, ...trials: DeviceTrial[]) =>
    deviceReasonOf({ type, trials }, STRINGS[locale].models, shownIn(locale));
  const slowGpu = [trial('webgpu', 3.25, 'possible'), trial('wasm', 12, 'chosen')];
  assert.equal(
    said('en', 'llm', ...slowGpu),
    'Tried here: graphics card 3.3 tokens/s, processor 12 tokens/s. The processor is more than twice as fast, so the model runs there.',
  );
  assert.match(said('fr', 'embed', ...slowGpu) ?? '', /carte graphique 3,3 textes\/s, processeur 12 textes\/s/);
  const fastGpu = [trial('webgpu', 30, 'chosen'), trial('wasm', 12, 'possible')];
  assert.match(said('en', 'stt', ...fastGpu) ?? '', /30 answers\/s.*The graphics card counts double/);
  const brokenGpu = [trial('webgpu', null, 'refused'), trial('wasm', 12, 'chosen')];
  assert.equal(
    said('en', 'llm', ...brokenGpu),
    'Tried here: graphics card failed, processor 12 tokens/s.',
    'that it is faster was not seen',
  );
  assert.equal(said('en', 'llm'), null, 'without a choice there is nothing to say');
});

test('speaks the first language of a person that it knows, else English', () => {
  assert.equal(preferredLocale(['de', 'fr-CA', 'en']), 'fr');
  assert.equal(preferredLocale(['EN-us']), 'en');
  assert.equal(preferredLocale(['toString', 'de']), 'en');
  assert.equal(preferredLocale([]), 'en');
});

test('takes a code from behind the # of its address, and nothing else', () => {
  assert.equal(codeOfFragment('#code=K7QF-2M9X-HB4T'), 'K7QF-2M9X-HB4T');
  assert.equal(codeOfFragment('#code=sparewatt%3A%2F%2Fpair%3Frelay%3Dx'), 'sparewatt://pair?relay=x');
  for (const nothing of ['', '#', '#other=1', '#code=']) assert.equal(codeOfFragment(nothing), '');
  assert.equal(codeOfFragment(`#code=${'A'.repeat(5_000)}`).length, 1_024);
});

test('counts jobs that were done and tokens that were made, and no job that was cut short', async () => {
  const counted = countWork(createSyntheticRuntime(), () => 0);
  const job = { type: 'llm' as const, model: 'test/echo', input: chatInput('three small words') };
  await counted.run(job, collectOutput(), NEVER);
  const { jobs, tokens, running } = counted.work();
  assert.deepEqual([jobs, running], [1, 0]);
  assert.ok(tokens > 0);
  await assert.rejects(counted.run({ ...job, model: 'test/unknown' }, collectOutput(), NEVER));
  assert.deepEqual([counted.work().jobs, counted.work().running], [1, 0]);
});
