import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runSparewatt } from '../support/command.ts';
import { type Pool, startPool } from '../support/pool.ts';

let pool: Pool;
before(async () => {
  pool = await startPool();
});
after(() => pool.close());

const files = (...args: string[]) =>
  runSparewatt(['files', ...args, '--relay', pool.relay.url, '--data', pool.dataFolder], {
    env: { SPAREWATT_API_KEY: pool.relay.apiKey },
  });

test('sparewatt files keeps a file, lists it, prints what is in it and deletes it', async () => {
  const path = join(pool.dataFolder, 'notes.txt');
  writeFileSync(path, 'ünï\nno end');
  const first = (await files('upload', path)).stdout.trim();
  const { stdout, stderr } = await files('upload', path, '--purpose', 'batch');
  assert.match(stderr, /^Your files: .* files list/);
  const second = stdout.trim();
  const listed = (await files('list')).stdout;
  assert.match(
    listed,
    new RegExp(`^FILE.*\\n${second} +12 +batch +\\d+ s +7 d +notes\\.txt\\n${first} +12 +user_data `),
  );
  const batches = JSON.parse((await files('list', '--purpose', 'batch', '--json')).stdout) as { id: string }[];
  assert.deepEqual([batches.length, batches[0]?.id], [1, second]);
  assert.equal((await files('content', second)).stdout, 'ünï\nno end');
  assert.equal((await files('delete', second)).stdout, `${second} is deleted.\n`);
  const gone = await files('content', second);
  assert.deepEqual([gone.code, gone.stdout, /file_not_found/.test(gone.stderr)], [1, '', true]);
  const left = JSON.parse((await files('list', '--limit', '1', '--json')).stdout) as { id: string }[];
  assert.deepEqual(
    left.map(({ id }) => id),
    [first],
  );
});
