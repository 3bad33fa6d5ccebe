import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openFileDepot } from '../../../relay/files/file-depot.ts';
import { FILE_LIMITS } from '../../../relay/files/file-limits.ts';
import { createJobFiles } from '../../../relay/files/job-files.ts';
import { openSqliteStore } from '../../../relay/store/sqlite/open-sqlite-store.ts';
import { afterTest } from '../../support/after-test.ts';
import { silentLog } from '../../support/pool.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const HEAD = { filename: 'x', mediaType: 'text/plain', announcedBytes: 4 };

async function openRun(t: TestContext) {
  const folder = temporaryFolder(t);
  const store = await openSqliteStore({ file: join(folder, 'x.sqlite') });
  afterTest(t, () => store.close());
  const limits = { ...FILE_LIMITS, leastFreeBytes: 0, mostBytesPerKey: 8 };
  const ports = { now: () => 1_000, log: silentLog };
  const files = await openFileDepot({ ...ports, store: store.files, folder: join(folder, 'files'), limits });
  afterTest(t, () => files.close());
  const jobFiles = createJobFiles({ ...ports, files });
  const run = jobFiles.open({ apiKeyId: 'key_a', inputs: [] });
  const incoming = (): string[] => readdirSync(join(folder, 'files', 'incoming'));
  const kept = () => files.list({ apiKeyId: 'key_a', limit: 10 });
  return { run, jobFiles, incoming, kept };
}

async function* bytes(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

test('[F4] a file whose last byte comes when its attempt is over leaves nothing, and takes no room', async (t) => {
  const { run, jobFiles, incoming } = await openRun(t);
  const attempt = () => jobFiles.find(run.grant('job_1').token);
  async function* late(): AsyncGenerator<Uint8Array> {
    yield* bytes('late');
    run.end();
  }
  async function* endless(): AsyncGenerator<Uint8Array> {
    yield* late();
    yield* bytes('more');
    assert.fail('It is read on.');
  }
  for (let round = 1; round <= 3; round++) {
    await assert.rejects(attempt().takeOutput(late(), HEAD), { code: 'invalid_api_key' });
    assert.deepEqual(incoming(), []);
  }
  await assert.rejects(attempt().takeOutput(endless(), HEAD), { code: 'invalid_api_key' });
  assert.equal((await attempt().takeOutput(bytes('12345678'), HEAD)).bytes, 8);
});

test('[F3] an output that names a file too many takes back those before it', async (t) => {
  const { run, jobFiles, incoming, kept } = await openRun(t);
  const made = await jobFiles.find(run.grant('job_1').token).takeOutput(bytes('made'), HEAD);
  await assert.rejects(run.keep({ note: null, made, missing: { ...made, file_id: 'file_x' } }), { code: 'node_fault' });
  await run.close();
  assert.deepEqual([await kept(), incoming()], [[], []]);
});
