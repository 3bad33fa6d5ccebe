import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { knownVariables } from '../../../relay/config/unread-variables.ts';

const example = readFileSync(new URL('../../../.env.example', import.meta.url), 'utf8');

test('.env.example names every variable that is read, and no other, each with an explanation', () => {
  const named = [...example.matchAll(/^#([A-Z][A-Z0-9_]+)=/gm)].map(([, name]) => name);
  assert.deepEqual(named.sort(), knownVariables().sort());
  for (const name of named)
    assert.match(example, new RegExp(`^# \\S.*\\n#${name}=`, 'm'), `${name} has no explanation`);
});
