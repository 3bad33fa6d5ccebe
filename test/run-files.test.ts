/** How the tests themselves are run. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { afterTest } from './support/after-test.ts';
import { inGoodOrder } from './support/file-order.ts';
import { temporaryFolder } from './support/temporary-folder.ts';
import { until } from './support/until.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** A run of files with these words in them, by their names. */
function runFiles(t: TestContext, texts: Record<string, string>): { run: ChildProcess; folder: string } {
  const folder = temporaryFolder(t);
  const files = Object.entries(texts).map(([name, text]) => {
    const file = join(folder, `${name}.test.ts`);
    writeFileSync(file, `import { test } from 'node:test';\nimport { writeFileSync } from 'node:fs';\n${text}`);
    return file;
  });
  const { NODE_TEST_CONTEXT: _ours, ...env } = process.env;
  const run = spawn(process.execPath, ['test/run-files.ts', '2', '120000', ...files], { cwd: ROOT, env });
  afterTest(t, () => void run.kill('SIGKILL'));
  return { run, folder };
}

async function saidBy(run: ChildProcess): Promise<{ code: number | null; said: string }> {
  let said = '';
  for (const stream of [run.stdout, run.stderr]) stream?.on('data', (piece: Buffer) => (said += piece));
  const [code] = (await once(run, 'close')) as [number | null];
  return { code, said };
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('a run whose files all pass has passed, and counts their tests', async (t) => {
  const { run } = runFiles(t, { a: "test('one', () => {});", b: "test('two', () => {}); test('three', () => {});" });
  const { code, said } = await saidBy(run);
  assert.equal(code, 0, said);
  assert.match(said, /tests 3\n.*\n.*pass 3\n.*fail 0\n/);
});

for (const [what, text, told] of [
  ['a test that fails', "test('one', () => { throw new Error('broken') });", /Error: broken/],
  [
    'a file that crashes',
    "console.error('last words'); process.kill(process.pid, 'SIGKILL');",
    /signal SIGKILL\. Its last words:\nlast words/,
  ],
  ['a file that cannot be read', 'const = 1;', /SyntaxError/],
  ['a file that ends early', 'process.exit(3);', /exit code 3/],
] as const) {
  test(`${what} fails the run, which says why and runs the others`, async (t) => {
    const { run } = runFiles(t, { a: text, b: "test('the other', () => {});" });
    const { code, said } = await saidBy(run);
    assert.equal(code, 1, said);
    assert.match(said, told);
    assert.match(said, /✔ the other/);
  });
}

test('a run that is ended takes its files with it', async (t) => {
  const { run, folder } = runFiles(t, {
    a: `writeFileSync(new URL('pid', import.meta.url), String(process.pid)); test('one', () => new Promise((done) => setTimeout(done, 600_000)));`,
  });
  const pid = join(folder, 'pid');
  await until(() => existsSync(pid) && readFileSync(pid, 'utf8') !== '');
  const ended = saidBy(run);
  run.kill('SIGTERM');
  assert.equal((await ended).code, 1);
  await until(() => !isThere(Number(readFileSync(pid, 'utf8'))));
});

test('files that keep several processes busy begin evenly among the others, each once and none at the end', () => {
  const named = (folder: string, count: number): string[] =>
    Array.from({ length: count }, (_, at) => `test/${folder}/${String(at).padStart(2, '0')}.test.ts`);
  const heavy = named('e2e', 10);
  const all = [...heavy, ...named('main', 30), ...named('shared', 30)];
  const ordered = inGoodOrder(all);
  assert.deepEqual([...ordered].sort(), [...all].sort());
  assert.deepEqual(inGoodOrder([...all].reverse()), ordered);
  const places = heavy.map((file) => ordered.indexOf(file));
  const gaps = places.slice(1).map((place, at) => place - (places[at] ?? 0));
  assert.ok(Math.max(...gaps) - Math.min(...gaps) <= 1, `${gaps}`);
  assert.ok(Math.max(...places) < all.length * 0.9, `${places}`);
});
