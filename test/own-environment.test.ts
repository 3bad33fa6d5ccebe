import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ownEnvironment } from './support/own-environment.ts';

test('tests run without any setting of whoever runs them, and with what is said to them', () => {
  const example = readFileSync(new URL('../.env.example', import.meta.url), 'utf8');
  const settings = [...example.matchAll(/^#? ?([A-Z][A-Z0-9_]+)=/gm)].map(([, name = '']) => name);
  assert.ok(settings.length > 30 && settings.includes('DATABASE_URL'), `${settings.length} settings`);
  const said = { PATH: '/bin', SPAREWATT_TEST_HELM: 'helm', SPAREWATT_SCREENS: 'renew', NATS_SERVER_BIN: '/opt/nats' };
  const theirs = Object.fromEntries(settings.map((name) => [name, 'theirs']));
  assert.deepEqual(ownEnvironment({ ...theirs, ...said }), said);
});
