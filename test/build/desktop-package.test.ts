/** The package of the desktop app, really built, from a stand-in for Electron's distribution: its binary is never here. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  globSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import asar from '@electron/asar';
import fuses from '@electron/fuses';
import { parse as parseYaml } from 'yaml';
import { ELECTRON_VERSION } from '../../build/desktop/builder-config.ts';
import { nativeFormatOf } from '../../build/desktop/native-format.ts';
import { stubElectronDist } from '../support/packaging/stub-electron.ts';
import { stubElectronMac } from '../support/packaging/stub-electron-mac.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PACKAGES = join(ROOT, 'dist', 'desktop', 'packages');
const UNPACKED = join(PACKAGES, 'linux-unpacked');
const ARCHIVE = join(UNPACKED, 'resources', 'app.asar');
/** Bundle, SQLite and the two demo models are 9 MB; pages with their WebAssembly some 50 more. */
const MOST_BYTES = 80 * 1024 * 1024;
const BUILD_WITHIN_MS = 110_000;
const RESOURCES = 'sparewatt.app/Contents/Resources';
const isSupported = process.platform === 'linux' && process.arch === 'x64';
const hasDpkg = isSupported && globSync('/usr/bin/dpkg-deb').length > 0;

const hasZip = isSupported && existsSync('/usr/bin/zip') && existsSync('/usr/bin/unzip');
const NO_ZIP = 'NOT TESTED HERE: no zip and unzip (Debian: apt-get install zip unzip)';

/** Electron's program, as its distribution has it: nothing that was packaged, whose fuses let no driver in. */
const ELECTRON = process.env.SPAREWATT_ELECTRON;
const NO_ELECTRON = 'NOT TESTED HERE: no Electron (name its program in SPAREWATT_ELECTRON)';

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
    const formats = ['dir', ...(hasZip ? ['zip'] : []), ...(hasDpkg ? ['deb'] : [])];
    await packageFor(['linux', 'x64', ...formats], stubElectronDist(join(folder, 'electron'), ELECTRON_VERSION));
  });

  it('holds one addon of SQLite, one of ONNX Runtime with its library, and nothing else native but Electron itself', () => {
    const runtime = 'resources/app.asar.unpacked/node_modules/onnxruntime-node/bin/napi-v6/linux/x64';
    assert.deepEqual(Object.fromEntries(nativeIn(UNPACKED)), {
      sparewatt: 'linux x64',
      'resources/app.asar.unpacked/node_modules/better-sqlite3/prebuilds/linux-x64.node': 'linux x64',
      [`${runtime}/libonnxruntime.so.1`]: 'linux x64',
      [`${runtime}/onnxruntime_binding.node`]: 'linux x64',
    });
    const packed = listed().flatMap((path) => {
      const name = path.slice(1);
      const entry = asar.statFile(ARCHIVE, name);
      if ('files' in entry || 'link' in entry || ('unpacked' in entry && entry.unpacked === true)) return [];
      return nativeFormatOf(asar.extractFile(ARCHIVE, name)) === undefined ? [] : [name];
    });
    assert.deepEqual(packed, [], 'no native file hides in the archive, whatever it is called');
  });

  it('holds no sources, no tests and no package but the native ones, and is small', () => {
    const files = listed();
    assert.deepEqual(
      files.filter((path) => /\.(ts|tsx|map|c|cc|cpp|h|gyp)$|(^|\/)test\//.test(path)),
      [],
    );
    const packages = files.flatMap((path) => /^\/node_modules\/([^/]+)$/.exec(path)?.[1] ?? []);
    assert.deepEqual(packages.sort(), ['better-sqlite3', 'onnxruntime-common', 'onnxruntime-node']);
    assert.ok(statSync(ARCHIVE).size < MOST_BYTES);
  });

  it('holds the page that computes, its engine, and the models that ship', () => {
    const files = listed();
    assert.ok(files.includes('/pages/compute/index.html'));
    assert.ok(files.some((path) => /^\/pages\/assets\/ort-wasm.*\.wasm$/.test(path)));
    assert.ok(files.includes('/models/sparewatt/demo-chat/digests.json'));
    assert.ok(!files.includes('/pages/join'), 'what the relay serves is the relay’s');
  });

  it('holds the licences of what its pages and its processes hold of others', () => {
    const text = asar.extractFile(ARCHIVE, 'pages/licences.txt').toString('utf8');
    for (const name of [
      'codec-parser',
      'react',
      'better-sqlite3',
      'onnxruntime-node',
      'nats.ws',
      '@huggingface/transformers',
    ]) {
      assert.equal(text.match(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+`, 'gm'))?.length, 1, name);
    }
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
    const script = join(ROOT, 'test', 'support', 'desktop', 'electron-double', 'run-packaged.ts');
    const userData = mkdtempSync(join(folder, 'user-'));
    const { stdout } = await run(process.execPath, [script, extracted], {
      timeout: BUILD_WITHIN_MS,
      env: { ...process.env, SPAREWATT_TEST_USER_DATA: userData, HOME: userData },
    });
    const found = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
    const { answer, model, hasPreload, sqlite, loaded } = found as {
      loaded: { type: string };
      answer: { ok: boolean; value: { code: string; version: string } };
      model: number;
      hasPreload: boolean;
      sqlite: string[];
    };
    assert.equal(answer.ok, true);
    assert.equal(answer.value.code, 'paused');
    assert.equal(model, 200);
    assert.equal(hasPreload, true);
    assert.equal(
      loaded.type,
      'loaded',
      'its process for models on the processor loads one, with ONNX Runtime of the package',
    );
    assert.deepEqual(sqlite, [join(extracted, 'node_modules', 'better-sqlite3', 'prebuilds', 'linux-x64.node')]);
    assert.equal(JSON.parse(readFileSync(join(userData, 'settings.json'), 'utf8')).wish.state, 'paused');
  });

  it('runs in Electron itself, where its binary is named', {
    skip: ELECTRON === undefined ? NO_ELECTRON : false,
  }, async () => {
    const extracted = join(folder, 'real');
    asar.extractAll(ARCHIVE, extracted);
    cpSync(join(ROOT, 'test', 'support', 'desktop', 'real-shell.mjs'), join(extracted, 'real-shell.mjs'));
    const manifest = join(extracted, 'package.json');
    const described = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
    writeFileSync(manifest, JSON.stringify({ ...described, main: 'real-shell.mjs' }));
    const userData = mkdtempSync(join(folder, 'real-user-'));
    // Its sandbox does not start for the administrator, which a container is.
    const args = process.getuid?.() === 0 ? ['--no-sandbox', extracted] : [extracted];
    const { NODE_OPTIONS: _, ...env } = process.env;
    const { stdout } = await run(ELECTRON ?? '', args, {
      timeout: BUILD_WITHIN_MS,
      env: { ...env, SPAREWATT_TEST_USER_DATA: userData, HOME: userData },
    });
    const said = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as RealShell;
    assert.equal(said.version, described.version);
    assert.equal(said.node, 'undefined', 'the page has nothing of Node');
    assert.equal(said.gpu.crossOriginIsolated, true, 'its engine may share memory');
  });

  it('passes the check that releases make of their packages, and fails it with a native module of another system', async () => {
    const check = () => run(process.execPath, ['build/desktop/check-package.ts', 'linux', 'x64'], { cwd: ROOT });
    assert.match((await check()).stdout, /is as declared/);
    const stray = join(UNPACKED, 'resources', 'app.asar.unpacked', 'node_modules', 'stray.node');
    writeFileSync(stray, 'MZ');
    try {
      await assert.rejects(check(), /stray\.node is none of its native modules[\s\S]*stray\.node is not for linux x64/);
    } finally {
      rmSync(stray);
    }
  });

  it('becomes a zip of the same files', { skip: hasZip ? false : NO_ZIP }, () => {
    const list = execFileSync('unzip', ['-Z1', join(PACKAGES, only('*-linux-x64.zip'))], { encoding: 'utf8' });
    const zipped = list.split('\n').filter((name) => name !== '' && !name.endsWith('/'));
    const unpacked = globSync('**/*', { cwd: UNPACKED, withFileTypes: true }).filter((entry) => entry.isFile());
    assert.equal(zipped.length, unpacked.length);
    assert.ok(zipped.some((name) => name.endsWith('resources/app.asar')));
  });

  it('has checksums of the folder, of each package and of the feed, which hold', () => {
    const names = checkedSums('SHA256SUMS-linux-x64');
    const unpacked = globSync('**/*', { cwd: UNPACKED, withFileTypes: true }).filter((entry) => entry.isFile());
    assert.equal(names.filter((name) => name.startsWith('linux-unpacked/')).length, unpacked.length);
    assert.ok(names.includes('linux-unpacked/sparewatt'));
    const others = names.filter((name) => !name.startsWith('linux-unpacked/'));
    const made = globSync(['sparewatt-*', 'latest*.yml'], { cwd: PACKAGES });
    assert.deepEqual(others.sort(), made.sort(), 'all that is uploaded, and nothing else');
    assert.ok(!hasDpkg || others.includes('latest-linux.yml'));
    assert.ok(!hasZip || others.some((name) => name.endsWith('.zip')));
  });

  it('is what its feed says, and knows where the feed is', { skip: hasDpkg ? false : 'no dpkg-deb here' }, () => {
    assertFeed('latest-linux.yml', '*.deb');
    const update = parseYaml(readFileSync(join(UNPACKED, 'resources', 'app-update.yml'), 'utf8'));
    assert.match(update.url, /^https:\/\/downloads\.sparewatt\.example\/desktop\/linux\/x64$/);
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

describe('the package for macOS', { skip: hasZip ? false : NO_ZIP }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'sparewatt-package-mac-'));
  const names: string[] = [];
  before(async () => {
    await packageFor(['darwin', 'arm64', 'zip'], stubElectronMac(join(folder, 'electron'), ELECTRON_VERSION));
    execFileSync('unzip', ['-q', join(PACKAGES, only('*-mac-arm64.zip')), '-d', folder]);
    names.push(...globSync('sparewatt.app/**/*', { cwd: folder }));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('is a zip of a bundle with the native files of its target alone, and an icon of its own', () => {
    const packages = `${RESOURCES}/app.asar.unpacked/node_modules`;
    const runtime = `${packages}/onnxruntime-node/bin/napi-v6/darwin/arm64`;
    const native = nativeIn(folder).filter(([name]) => name.startsWith(RESOURCES));
    assert.deepEqual(native.map(([name]) => name).sort(), [
      `${packages}/better-sqlite3/prebuilds/darwin-arm64.node`,
      `${runtime}/libonnxruntime.1.30.0.dylib`,
      `${runtime}/libonnxruntime.1.dylib`,
      `${runtime}/onnxruntime_binding.node`,
    ]);
    for (const [name, format] of native) assert.equal(format, 'darwin arm64', name);
    const icon = readFileSync(join(folder, RESOURCES, 'icon.icns'));
    assert.equal(icon.subarray(0, 4).toString('latin1'), 'icns');
    assert.equal(icon.readUInt32BE(4), icon.length);
    assert.ok(statSync(join(folder, RESOURCES, 'app.asar')).size < MOST_BYTES);
  });

  it('says in its manifest what its archive must be, which links it opens, and that it has no icon in the dock', () => {
    const manifest = readFileSync(join(folder, 'sparewatt.app', 'Contents', 'Info.plist'), 'utf8');
    const { hash } = /<key>Resources\/app\.asar<\/key>[\s\S]*?<string>(?<hash>[a-f0-9]{64})<\/string>/.exec(manifest)
      ?.groups ?? { hash: '' };
    const { headerString } = asar.getRawHeader(join(folder, RESOURCES, 'app.asar'));
    assert.equal(hash, createHash('sha256').update(headerString).digest('hex'));
    assert.match(manifest, /<key>CFBundleURLSchemes<\/key>\s*<array>\s*<string>sparewatt<\/string>/);
    assert.match(manifest, /<key>LSUIElement<\/key>\s*<true\/>/);
  });

  it('has its fuses blown, and links of its framework that are still links', async () => {
    const wire = await getCurrentFuseWire(join(folder, 'sparewatt.app'));
    assert.equal(Number(wire[FuseV1Options.OnlyLoadAppFromAsar]), ON);
    assert.notEqual(Number(wire[FuseV1Options.RunAsNode]), ON);
    const framework = join(folder, 'sparewatt.app', 'Contents', 'Frameworks', 'Electron Framework.framework');
    assert.equal(lstatSync(join(framework, 'Versions', 'Current')).isSymbolicLink(), true);
  });

  it('is what its feed and its checksums say', () => {
    assertFeed('latest-mac.yml', '*-mac-arm64.zip');
    const names = checkedSums('SHA256SUMS-darwin-arm64');
    assert.ok(names.includes('latest-mac.yml') && names.includes(only('*-mac-arm64.zip')));
  });
});

/** Packages one target; what `formats` need of electron-builder's own tools are stand-ins. */
async function packageFor(target: string[], electronDist: string): Promise<void> {
  const standIn = (name: string): string => join(ROOT, 'test', 'support', 'packaging', name);
  await run(process.execPath, ['build/desktop/package.ts', ...target], {
    cwd: ROOT,
    timeout: BUILD_WITHIN_MS,
    env: {
      ...process.env,
      SPAREWATT_ELECTRON_DIST: electronDist,
      CUSTOM_FPM_PATH: standIn('fpm-on-dpkg.ts'),
      ELECTRON_BUILDER_7ZIP_PATH: standIn('seven-zip-on-zip.ts'),
    },
  });
}

/** What a processor runs as it is, by its first bytes, below a folder. */
function nativeIn(folder: string): [name: string, format: string][] {
  const entries = globSync('**/*', { cwd: folder, withFileTypes: true });
  return entries.flatMap((entry) => {
    if (!entry.isFile()) return [];
    const path = join(entry.parentPath, entry.name);
    const format = nativeFormatOf(readFileSync(path));
    return format === undefined ? [] : [[relative(folder, path), format]];
  });
}

/** The checksums that the packaging command wrote, as whoever downloads a package checks them. */
function checkedSums(name: string): string[] {
  execFileSync('sha256sum', ['--check', '--quiet', '--strict', name], { cwd: PACKAGES });
  return readFileSync(join(PACKAGES, name), 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.slice(66));
}

function only(pattern: string): string {
  const [name = '', ...others] = globSync(pattern, { cwd: PACKAGES });
  assert.ok(name !== '' && others.length === 0, pattern);
  return name;
}

/** An app that asks for updates is told of a file that is there, with the digest that it has. */
function assertFeed(feed: string, pattern: string): void {
  const { version, files } = parseYaml(readFileSync(join(PACKAGES, feed), 'utf8')) as Feed;
  const content = readFileSync(join(PACKAGES, only(pattern)));
  assert.equal(version, JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version);
  assert.deepEqual(files, [
    { url: only(pattern), sha512: createHash('sha512').update(content).digest('base64'), size: content.length },
  ]);
}

type RealShell = { version: string; node: string; gpu: { crossOriginIsolated: boolean } };
type Feed = { version: string; files: { url: string; sha512: string; size: number }[] };

function listed(): string[] {
  return asar.listPackage(ARCHIVE, { isPack: false });
}
