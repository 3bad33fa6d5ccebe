/** The package of the desktop app, really built, from a stand-in for Electron's distribution: its binary is never here. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import asar from '@electron/asar';
import fuses from '@electron/fuses';
import { ELECTRON_VERSION } from '../../build/desktop/builder-config.ts';
import { stubElectronDist } from '../support/stub-electron.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PACKAGES = join(ROOT, 'dist', 'desktop', 'packages');
const UNPACKED = join(PACKAGES, 'linux-unpacked');
const ARCHIVE = join(UNPACKED, 'resources', 'app.asar');
/** Bundle, SQLite and the two demo models are 9 MB; pages with their WebAssembly some 50 more. */
const MOST_BYTES = 80 * 1024 * 1024;
const BUILD_WITHIN_MS = 110_000;
const isSupported = process.platform === 'linux' && process.arch === 'x64';
const hasDpkg = isSupported && globSync('/usr/bin/dpkg-deb').length > 0;

const run = promisify(execFile);
const { FuseV1Options, getCurrentFuseWire } = fuses;
/** How a fuse that is on is written. */
const ON = '1'.charCodeAt(0);

describe('the package for Linux', {
  skip: isSupported ? false : 'the stand-in is made of a program of Linux on x64',
}, () => {
  const folder = mkdtempSync(join(tmpdir(), 'sparewatt-package-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  before(async () => {
    rmSync(PACKAGES, { recursive: true, force: true });
    const formats = hasDpkg ? ['dir', 'deb'] : ['dir'];
    await run(process.execPath, ['build/desktop/package.ts', 'linux', 'x64', ...formats], {
      cwd: ROOT,
      timeout: BUILD_WITHIN_MS,
      env: {
        ...process.env,
        SPAREWATT_ELECTRON_DIST: stubElectronDist(join(folder, 'electron'), ELECTRON_VERSION),
        CUSTOM_FPM_PATH: join(ROOT, 'test', 'support', 'fpm-on-dpkg.ts'),
      },
    });
  });

  it('holds exactly one native file, that of its target, outside of the archive', () => {
    const native = globSync('**/*.node', { cwd: UNPACKED });
    assert.deepEqual(native, ['resources/app.asar.unpacked/node_modules/better-sqlite3/prebuilds/linux-x64.node']);
    assert.deepEqual(listed().filter((path) => path.endsWith('.node')).length, 1);
  });

  it('holds no sources, no tests and no package but the native one, and is small', () => {
    const files = listed();
    assert.deepEqual(
      files.filter((path) => /\.(ts|tsx|map|c|cc|cpp|h|gyp)$|(^|\/)test\//.test(path)),
      [],
    );
    const packages = files.flatMap((path) => /^\/node_modules\/([^/]+)$/.exec(path)?.[1] ?? []);
    assert.deepEqual(packages, ['better-sqlite3']);
    assert.ok(statSync(ARCHIVE).size < MOST_BYTES);
  });

  it('holds the page that computes, its engine, and the models that ship', () => {
    const files = listed();
    assert.ok(files.includes('/pages/compute/index.html'));
    assert.ok(files.some((path) => /^\/pages\/assets\/ort-wasm.*\.wasm$/.test(path)));
    assert.ok(files.includes('/models/sparewatt/demo-chat/digests.json'));
    assert.ok(!files.includes('/pages/join'), 'what the relay serves is the relay’s');
  });

  it('has its fuses blown as declared', async () => {
    const wire = await getCurrentFuseWire(join(UNPACKED, 'sparewatt'));
    const isOn = (fuse: keyof typeof wire): boolean => Number(wire[fuse]) === ON;
    assert.equal(isOn(FuseV1Options.RunAsNode), false);
    assert.equal(isOn(FuseV1Options.EnableCookieEncryption), true);
    assert.equal(isOn(FuseV1Options.EnableNodeOptionsEnvironmentVariable), false);
    assert.equal(isOn(FuseV1Options.EnableNodeCliInspectArguments), false);
    assert.equal(isOn(FuseV1Options.EnableEmbeddedAsarIntegrityValidation), true);
    assert.equal(isOn(FuseV1Options.OnlyLoadAppFromAsar), true);
    assert.equal(isOn(FuseV1Options.GrantFileProtocolExtraPrivileges), false);
  });

  it('carries preloads that require Electron alone', () => {
    for (const name of ['ui', 'compute']) {
      const code = asar.extractFile(ARCHIVE, `preload/${name}.cjs`).toString('utf8');
      const required = [...code.matchAll(/require\(["']([^"']+)["']\)/g)].map((match) => match[1]);
      assert.deepEqual(required, ['electron'], name);
      assert.doesNotMatch(code, /^\s*(import|export)\s/m, name);
    }
  });

  it('runs: the main bundle of the archive starts on the double, with SQLite of the package', async () => {
    const extracted = join(folder, 'app');
    asar.extractAll(ARCHIVE, extracted);
    const script = join(ROOT, 'test', 'support', 'electron-double', 'run-packaged.ts');
    const userData = mkdtempSync(join(folder, 'user-'));
    const { stdout } = await run(process.execPath, [script, extracted], {
      timeout: BUILD_WITHIN_MS,
      env: { ...process.env, SPAREWATT_TEST_USER_DATA: userData, HOME: userData },
    });
    const found = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
    const { answer, model, hasPreload, sqlite } = found as {
      answer: { ok: boolean; value: { code: string; version: string } };
      model: number;
      hasPreload: boolean;
      sqlite: string[];
    };
    assert.equal(answer.ok, true);
    assert.equal(answer.value.code, 'paused');
    assert.equal(model, 200);
    assert.equal(hasPreload, true);
    assert.deepEqual(sqlite, [join(extracted, 'node_modules', 'better-sqlite3', 'prebuilds', 'linux-x64.node')]);
    assert.equal(JSON.parse(readFileSync(join(userData, 'settings.json'), 'utf8')).wish.state, 'paused');
  });

  it('becomes a deb that registers the link and nothing that starts by itself', {
    skip: hasDpkg ? false : 'no dpkg-deb here',
  }, () => {
    const [deb = ''] = globSync('*.deb', { cwd: PACKAGES });
    const path = join(PACKAGES, deb);
    const control = execFileSync('dpkg-deb', ['--field', path, 'Package', 'Architecture'], { encoding: 'utf8' });
    assert.match(control, /Package: sparewatt\nArchitecture: amd64/);
    const contents = execFileSync('dpkg-deb', ['--contents', path], { encoding: 'utf8' });
    assert.match(contents, /\.\/opt\/Sparewatt\/resources\/app\.asar$/m);
    assert.doesNotMatch(contents, /autostart|systemd/);
    const entry = execFileSync(
      'sh',
      ['-c', 'dpkg-deb --fsys-tarfile "$1" | tar -xO --wildcards "*.desktop"', 'sh', path],
      {
        encoding: 'utf8',
      },
    );
    assert.match(entry, /MimeType=x-scheme-handler\/sparewatt;/);
  });
});

function listed(): string[] {
  return asar.listPackage(ARCHIVE, { isPack: false });
}
