import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { LIMITS } from '../../shared/protocol/limits.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SPEC = readFileSync(join(ROOT, 'shared/protocol/SPEC.md'), 'utf8');

/** The numbers of the rules, in the order of the document. */
const rules = [...SPEC.matchAll(/^- \*\*\[([A-Z]\d+)\]\*\*/gm)].map((match) => match[1] ?? '');

/** Every rule that the name of a test begins with, with the files. */
function rulesOfTests(): Map<string, string[]> {
  const named = new Map<string, string[]>();
  for (const file of globSync('test/**/*.test.ts', { cwd: ROOT })) {
    const source = readFileSync(join(ROOT, file), 'utf8');
    for (const [, prefix = ''] of source.matchAll(/\b(?:test|it)\(\s*['"`]((?:\[[A-Z]\d+\] )+)/g)) {
      for (const [, rule = ''] of prefix.matchAll(/\[([A-Z]\d+)\]/g)) {
        named.set(rule, [...(named.get(rule) ?? []), file]);
      }
    }
  }
  return named;
}

test('every rule of the protocol has a test that begins with its number', () => {
  assert.ok(rules.length > 20, 'SPEC.md was not understood');
  const named = rulesOfTests();
  assert.deepEqual(
    rules.filter((rule) => !named.has(rule)),
    [],
    'rules without a test',
  );
});

test('every test that begins with a number of the protocol names a rule that there is', () => {
  // Other documents number their rules too, with letters of their own.
  const chapters = new Set(rules.map((rule) => rule[0]));
  const unknown = [...rulesOfTests()].filter(([rule]) => chapters.has(rule[0]) && !rules.includes(rule));
  assert.deepEqual(unknown, []);
});

test('no number is used twice, and they count up within their chapter', () => {
  assert.equal(new Set(rules).size, rules.length);
  const numbers = Map.groupBy(rules, (rule) => rule[0]);
  for (const [chapter, members] of numbers) {
    const counts = members.map((rule) => Number(rule.slice(1)));
    assert.deepEqual(
      counts,
      counts.toSorted((a, b) => a - b),
      `chapter ${chapter}`,
    );
  }
});

test('every limit that a rule names is in limits.ts', () => {
  for (const [, name = ''] of SPEC.matchAll(/`([a-z]+(?:Ms|PerFrame|Bytes))`/g)) assert.ok(name in LIMITS, name);
});
