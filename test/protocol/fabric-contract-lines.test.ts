import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CONTRACT = readFileSync(join(ROOT, 'shared/protocol/FABRIC-CONTRACT.md'), 'utf8');
const lines = [...CONTRACT.matchAll(/^- \*\*\[(C\d+)\]\*\*/gm)].map(([, number = '']) => number);

/** The numbers with which the names of tests begin. */
function numbersOfTests(): Set<string> {
  const sources = globSync('test/**/*.test.ts', { cwd: ROOT }).map((file) => readFileSync(join(ROOT, file), 'utf8'));
  const prefixes = sources.flatMap((source) => [...source.matchAll(/\b(?:test|it)\(\s*['"`]((?:\[[A-Z]\d+\] )+)/g)]);
  return new Set(prefixes.flatMap(([, prefix = '']) => prefix.match(/C\d+/g) ?? []));
}

test('every line of the contract has a test, and every such test has a line', () => {
  assert.ok(lines.length >= 14, 'the contract was not understood');
  assert.deepEqual([...numbersOfTests()].sort(), [...lines].sort());
});

test('the lines of the contract are numbered one after the other', () => {
  assert.deepEqual(
    lines,
    lines.map((_line, index) => `C${index + 1}`),
  );
});

test('no chapter of the protocol has the letter of the contract', () => {
  const spec = readFileSync(join(ROOT, 'shared/protocol/SPEC.md'), 'utf8');
  assert.doesNotMatch(spec, /\*\*\[C\d+\]\*\*/);
});
