import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { buildLibraries } from '../../build/build-libraries.ts';
import { ROOT, runSparewatt } from '../support/command.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const PACKAGE = join(ROOT, 'node_modules', 'typebox');
const { version, exports } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as {
  version: string;
  exports: Record<string, { import: string }>;
};

test('what is made of TypeBox has every way into it with all that is there, and is made once', async (t) => {
  const folder = temporaryFolder(t);
  await buildLibraries(folder);
  const made = join(folder, `typebox-${version}`);
  assert.ok(readdirSync(made).length < 30);
  for (const [name, { import: file }] of Object.entries(exports)) {
    const entry = `${name === '.' ? 'index' : name.slice(2)}.mjs`;
    const [ofPackage, ofBundle] = await Promise.all(
      [join(PACKAGE, file), join(made, entry)].map(async (path) => Object.keys(await import(pathToFileURL(path).href))),
    );
    assert.deepEqual(ofBundle?.sort(), ofPackage?.sort(), entry);
  }
  const { ino } = statSync(made);
  await buildLibraries(folder);
  assert.equal(statSync(made).ino, ino);
  assert.deepEqual(readdirSync(folder), [`typebox-${version}`]);
});

test('the version that processes look for is the one that is installed', () => {
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    dependencies: { typebox: string };
  };
  assert.equal(dependencies.typebox, version);
});

/** A folder with nothing but what a process loads first. */
function project(t: TestContext) {
  const root = temporaryFolder(t);
  const write = (path: string, text: string): void => {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  mkdirSync(join(root, 'relay', 'cli'), { recursive: true });
  cpSync(join(ROOT, 'relay/cli/libraries.mjs'), join(root, 'relay/cli/libraries.mjs'));
  write('package.json', JSON.stringify({ type: 'module', dependencies: { typebox: '2.0.0' } }));
  /** What a file of it prints. */
  const told = (file: string): string =>
    execFileSync(process.execPath, ['--import=./relay/cli/libraries.mjs', file], { cwd: root, encoding: 'utf8' });
  return { root, write, told };
}

test('a process loads what was made for its version, and the package where nothing was', (t) => {
  const { root, write, told } = project(t);
  const module = { type: 'module', exports: { '.': './index.js', './value': './value.js' } };
  write('node_modules/typebox/package.json', JSON.stringify(module));
  for (const name of ['index', 'value']) write(`node_modules/typebox/${name}.js`, "export default 'package';");
  write('asks.mjs', "import a from 'typebox'; import b from 'typebox/value'; console.log(a, b);");

  assert.equal(told('asks.mjs'), 'package package\n');
  for (const [made, name] of [
    ['1.9.0', 'old'],
    ['2.0.0', 'made'],
  ] as const) {
    for (const file of ['index', 'value'])
      write(`dist/libraries/typebox-${made}/${file}.mjs`, `export default '${name}';`);
    assert.equal(told('asks.mjs'), made === '2.0.0' ? 'made made\n' : 'package package\n');
  }
  rmSync(join(root, 'dist'), { recursive: true });
  assert.equal(told('asks.mjs'), 'package package\n');
});

test('sources find each other through any folder, once each, and one that is not there is named', (t) => {
  const { write, told } = project(t);
  write('main/counted.ts', "export const count: { loaded: number } = { loaded: 0 }; console.log('loaded');");
  write('shared/ä b/next.ts', "export { count } from '../../main/counted.ts';");
  write(
    'asks.ts',
    `import { count } from './shared/ä b/next.ts';
    const { count: same } = await import(new URL('main/counted.ts', import.meta.url).href);
    console.log(count === same);
    await import('./shared/none.ts').catch((error: Error) => console.log(error.message.includes('none.ts')));`,
  );
  assert.equal(told('asks.ts'), 'loaded\ntrue\ntrue\n');
});

/** Tells on stderr what is loaded, for `node --import`. */
const TELLING = `import { registerHooks } from 'node:module';
registerHooks({ load: (url, context, next) => (process.stderr.write('loads ' + url + '\\n'), next(url, context)) });`;

test('the sparewatt command loads its schemas from there, and none for the help of all', async () => {
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(TELLING)}` };
  const loadedBy = async (command: string): Promise<string[]> => {
    const { code, stderr } = await runSparewatt([command], { env });
    assert.equal(code, 0, stderr);
    return stderr.split('\n').filter((line) => line.startsWith('loads ') && line.includes('typebox'));
  };
  const loaded = await loadedBy('config');
  assert.ok(loaded.length > 0);
  assert.deepEqual(
    loaded.filter((line) => !line.includes(`/dist/libraries/typebox-${version}/`)),
    [],
  );
  assert.deepEqual(await loadedBy('--help'), []);
});
