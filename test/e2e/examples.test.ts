import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createWorkerRuntime } from '../../main/headless/inference/worker-runtime.ts';
import { fillIn, parseHttpFile } from '../support/http-file.ts';
import { startPool } from '../support/pool.ts';
import { collectLog } from '../support/runtimes/runtime-fixtures.ts';

const FOLDER = fileURLToPath(new URL('../../docs/examples', import.meta.url));
const MODELS = fileURLToPath(new URL('../../shared/models', import.meta.url));
const pool = await startPool();
const runtime = await createWorkerRuntime({
  models: ['sparewatt/demo-chat', 'sparewatt/demo-embed'],
  modelFolder: MODELS,
  cacheFolder: join(MODELS, 'none'),
  log: collectLog(),
});
after(() => runtime.close());
after(() => pool.close());
await pool.addNode({ name: 'demo', runtime });

const variables = { relay: pool.relay.url, key: pool.relay.apiKey, token: pool.relay.adminToken };
const files = readdirSync(FOLDER).filter((name) => name.endsWith('.http'));
assert.ok(files.length >= 2);

for (const file of files) {
  const answers = new Map<string, unknown>();
  const { requests, variables: own } = parseHttpFile(readFileSync(join(FOLDER, file), 'utf8'));
  const fill = (text: string): string => fillIn(text, variables, answers);
  assert.deepEqual(
    Object.keys(own).filter((name) => !(name in variables)),
    [],
  );
  for (const { title, status, name, method, url, headers, body } of requests) {
    test(`${file}: ${title}`, async () => {
      const filled = Object.entries(headers).map(([header, value]): [string, string] => [header, fill(value)]);
      const init = { method, headers: filled, ...(body === undefined ? {} : { body: fill(body) }) };
      const response = await fetch(fill(url), init);
      const text = await response.text();
      assert.equal(response.status, status, text);
      if (name !== undefined) answers.set(name, JSON.parse(text));
    });
  }
}

test('curl.sh runs to its end, and shows answers, a result and a receipt', async () => {
  const env = { ...process.env, SPAREWATT_RELAY: pool.relay.url, SPAREWATT_API_KEY: pool.relay.apiKey };
  const { stdout } = await promisify(execFile)('sh', [join(FOLDER, 'curl.sh')], { env });
  for (const part of [/"status":"ready"/, /sparewatt\/demo-chat/, /\b42\b/, /data: \[DONE\]/, /"signature/i]) {
    assert.match(stdout, part);
  }
});
