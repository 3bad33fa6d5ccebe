import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ADVICE } from '../../../shared/problems/advice.ts';
import { PROBLEMS, type ProblemCode } from '../../../shared/problems/table.ts';

const CODES = Object.keys(PROBLEMS) as ProblemCode[];
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

test('every problem has a sentence that says what to do, and none repeats its title', () => {
  assert.deepEqual(Object.keys(ADVICE).sort(), CODES.toSorted());
  const words = (text: string): string => text.toLowerCase().replace(/[^a-z ]/g, '');
  for (const code of CODES) {
    assert.match(ADVICE[code], /^[A-Z].{20,150}\.$/, code);
    assert.ok(!words(ADVICE[code]).includes(words(PROBLEMS[code].title)), code);
  }
  assert.equal(new Set(Object.values(ADVICE)).size, CODES.length, 'each is of its own problem');
});

test('advice names only addresses that the relay has', () => {
  const KNOWN = ['/v1', '/v1/models', '/v1/files', '/v1/registry/services', '/openapi.json'];
  const named = Object.values(ADVICE).flatMap((advice) => advice.match(/(?<=^|\s)\/[\w/.]*\w/g) ?? []);
  assert.ok(named.length > 5);
  for (const address of named) assert.ok(KNOWN.includes(address), address);
});

test('every code is one that something throws', () => {
  const thrown = new Set<string>();
  for (const file of globSync('{main,relay,renderer,shared}/**/*.{ts,tsx}', { cwd: ROOT })) {
    const source = readFileSync(`${ROOT}/${file}`, 'utf8');
    for (const [made] of source.matchAll(/\bnew Problem\([^()]*|\btoProblem\([^()]*|: ProblemRecord = {[^()]*/g))
      for (const [, code = ''] of made.matchAll(/'([a-z_]+)'/g)) thrown.add(code);
  }
  assert.deepEqual(
    CODES.filter((code) => !thrown.has(code)),
    [],
  );
});

test('only the relay tells it, so that the app and pages in French have sentences of their own', () => {
  const importers = globSync('{main,relay,renderer,shared}/**/*.{ts,tsx}', { cwd: ROOT }).filter((file) =>
    /from '[^']*\/advice\.ts'/.test(readFileSync(`${ROOT}/${file}`, 'utf8')),
  );
  assert.ok(importers.length > 0);
  for (const file of importers) assert.match(file, /^relay\//);
});
