/** How the tests themselves are run. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { afterTest } from './support/after-test.ts';
import { inGoodOrder, isHeavy } from './support/file-order.ts';
import { temporaryFolder } from './support/temporary-folder.ts';
import { groupFiles } from './support/test-groups.ts';
import { until } from './support/until.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

type Run = { run: ChildProcess; folder: string };

/** A run of files with these words in them, by their names; `together` has them in one process. */
function runFiles(t: TestContext, texts: Record<string, string>, together = false): Run {
  const folder = temporaryFolder(t);
  const written = Object.entries(texts).map(([name, text]) => {
    const file = join(folder, `${name}.test.ts`);
    writeFileSync(file, `import { test } from 'node:test';\nimport { writeFileSync } from 'node:fs';\n${text}`);
    return file;
  });
  const group = join(folder, 'group.test.ts');
  const runner = JSON.stringify(join(ROOT, 'test', 'support', 'run-together.ts'));
  writeFileSync(group, `import { runTogether } from ${runner};\nrunTogether(${JSON.stringify(written)});`);
  const files = together ? [group] : written;
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

  test(`${what} fails a run of files that share a process`, async (t) => {
    const { run } = runFiles(t, { a: "test('the other', () => {});", b: text }, true);
    const { code, said } = await saidBy(run);
    assert.equal(code, 1, said);
    assert.match(said, told);
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

test('files that share a process have hooks and tests of their own, and one that exits is told with those behind it', async (t) => {
  const hooked = (name: string) => `
    import { after, before } from 'node:test';
    let is = 'closed';
    before(() => void (is = 'open'));
    after(() => console.log('closed ${name}'));
    test('${name}', () => { if (is !== 'open') throw new Error('no hook') ; console.log('ran ${name}'); });`;
  const { run } = runFiles(t, { a: hooked('a'), b: hooked('b'), c: "test('c', () => process.exit(0));" }, true);
  const { code, said } = await saidBy(run);
  assert.equal(code, 1, said);
  assert.deepEqual(said.match(/(ran|closed) \w/g), ['ran a', 'closed a', 'ran b', 'closed b']);
  assert.match(said, /Ended before its files had: \S*c\.test\.ts\./);
});

test('each file is run once, by itself or with neighbours of its room, and heavy ones by themselves', (t) => {
  const all = globSync('test/**/*.test.ts', { cwd: ROOT });
  const folder = temporaryFolder(t);
  const run = groupFiles(all, folder);
  const shared = run
    .filter((file) => file.startsWith(folder))
    .map((file) => readFileSync(file, 'utf8').match(/test\/[^"]*\.test\.ts/g) ?? []);
  assert.ok(shared.every((files) => files.length <= 8 && new Set(files.map((file) => file.split('/')[1])).size === 1));
  assert.ok(!shared.flat().some(isHeavy));
  const alone = run.filter((file) => !file.startsWith(folder));
  assert.deepEqual([...alone, ...shared.flat()].sort(), all.sort());
  assert.ok(shared.length > 0 && alone.length > 0);
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
