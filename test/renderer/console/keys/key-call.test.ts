import assert from 'node:assert/strict';
import { test } from 'node:test';
import { callWithKey } from '../../../../renderer/console/keys/key-call.ts';
import { KEY_SCOPES } from '../../../../shared/api/keys.ts';

const EXAMPLE = 'What is 17 + 25?';
const ORIGIN = 'http://relay.example:8080';
const KEY = { key: 'sk-sparewatt-x', scopes: [...KEY_SCOPES], models: null };
const SERVED = [
  { id: "acme/it's-an-embedder", capabilities: ['embed'] },
  { id: 'acme/chat', capabilities: ['llm'] },
  { id: 'acme/other-chat', capabilities: ['llm'] },
];

test('a new key asks a model that it may ask and that is served, in words that a shell takes as they are', () => {
  const whole = callWithKey(KEY, SERVED, ORIGIN, EXAMPLE) ?? '';
  assert.match(whole, /^curl http:\/\/relay\.example:8080\/v1\/chat\/completions \\\n/);
  assert.match(whole, /'Authorization: Bearer sk-sparewatt-x'/);
  assert.match(whole, /"model":"acme\/chat"/);
  assert.match(
    callWithKey({ ...KEY, models: ['acme/other-chat'] }, SERVED, ORIGIN, EXAMPLE) ?? '',
    /"model":"acme\/other-chat"/,
  );
  const embedding = callWithKey({ ...KEY, models: ["acme/it's-an-embedder"] }, SERVED, ORIGIN, EXAMPLE) ?? '';
  assert.match(embedding, /\/v1\/embeddings [\s\S]*"model":"acme\/it'\\''s-an-embedder"/);
});

test('a key that may ask no model now reads what it may read', () => {
  const pathOf = (key: Partial<typeof KEY>, served = SERVED) =>
    /^curl http:\/\/relay\.example:8080(\S+)/.exec(callWithKey({ ...KEY, ...key }, served, ORIGIN, EXAMPLE) ?? '')?.[1];
  assert.equal(pathOf({}, []), '/v1/models');
  assert.equal(pathOf({ scopes: ['inference', 'jobs'] }, []), '/v1/jobs');
  assert.equal(pathOf({ scopes: ['inference'] }, []), undefined, 'what would be refused is not shown');
  for (const [scope, path] of [
    ['catalog', '/v1/models'],
    ['jobs', '/v1/jobs'],
    ['files', '/v1/files'],
    ['usage', '/v1/usage'],
    ['receipts', '/v1/log/head'],
  ] as const) {
    assert.equal(pathOf({ scopes: [scope] }), path);
  }
});
