import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openStore } from '../../../../relay/store/open-store.ts';
import { awaitServer } from '../../../../relay/store/postgres/await-server.ts';
import { startPostgres, whyNoPostgres } from '../../../support/postgres.ts';
import { isProblem } from '../../../support/problems.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const skip = whyNoPostgres() ?? false;
const server = skip === false ? await startPostgres() : undefined;
const now = () => performance.now();

/** A log that tells each line to whoever waits for it. */
function createLog() {
  const lines: { text: string; facts: Record<string, unknown> }[] = [];
  const first = Promise.withResolvers<void>();
  const info = (facts: object, text: string): void => {
    lines.push({ text, facts: { ...facts } });
    first.resolve();
  };
  return { lines, first: first.promise, log: { info } };
}

test('a relay waits for a server that starts beside it, and says so once', { skip }, async (t) => {
  const url = (await server?.createDatabase()) ?? '';
  await server?.kill();
  const { lines, first, log } = createLog();
  const file = join(temporaryFolder(t), 'unused.sqlite');
  const opening = openStore({ file, databaseUrl: url, databaseWaitMs: 60_000, log });
  await first;
  await server?.start();
  const store = await opening;
  assert.equal((await store.health()).writable, true);
  await store.close();
  const texts = lines.map(({ text }) => text);
  assert.deepEqual(texts.slice(0, 2), ['the database does not answer yet; waiting for it', 'the database answers']);
  assert.equal(lines[0]?.facts.reason, 'ENOENT');
  assert.ok(!JSON.stringify(lines).includes(new URL(url.replace(/@.*/, '@host/x')).password));
});

test('a server that refuses is not waited for, and one that never comes not for ever', { skip }, async (t) => {
  const url = (await server?.createDatabase()) ?? '';
  const refused = createLog();
  await awaitServer({ url: url.replace(/\/d\d+$/, '/nothing'), patienceMs: 60_000, now, log: refused.log });
  assert.deepEqual(refused.lines, []);

  const nobody = url.replace(/@[^/]+\//, `@${encodeURIComponent(temporaryFolder(t))}/`);
  const { log } = createLog();
  const opening = openStore({ file: 'unused', databaseUrl: nobody, databaseWaitMs: 300, log });
  await assert.rejects(opening, isProblem('database_unusable', /does not answer \(ENOENT\)/));
});
