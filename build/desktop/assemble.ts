import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { arePagesFresh, buildPages, PAGES } from '../build-pages.ts';
import { APP_FOLDER, bundleMain, PACKAGES, ROOT } from './bundle.ts';

export type Target = { platform: 'linux' | 'win32' | 'darwin'; arch: 'x64' | 'arm64' };

export type Assembled = {
  /** Becomes the archive. */
  app: string;
  /** Becomes `node_modules` of it: packages with binaries, each with those of the target alone. */
  native: string;
  version: string;
};

const MODELS = ['sparewatt/demo-chat', 'sparewatt/demo-embed'];
/** `ui` is to come. */
const APP_PAGES = ['compute', 'ui', 'assets'];
/** What runs of each package, and where it is there; the rest is 10 MB of C, and binaries of other systems. */
const NATIVE_FILES: Readonly<Record<(typeof PACKAGES)[number], (target: Target) => string[]>> = {
  'better-sqlite3': ({ platform, arch }) => ['lib', join('prebuilds', `${platform}-${arch}.node`)],
  'onnxruntime-node': ({ platform, arch }) => ['dist', join('bin', 'napi-v6', platform, arch)],
  'onnxruntime-common': () => ['dist'],
};
/** Beside each of them. */
const PACKAGE_FILES = ['package.json', 'LICENSE'];

/** Puts together what is packaged for one target: the bundles, pages, models and icons, and no development files. */
export async function assemble({ platform, arch }: Target): Promise<Assembled> {
  const native = join(ROOT, 'dist', 'desktop', 'native', `${platform}-${arch}`);
  for (const folder of [APP_FOLDER, native]) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
  }
  await bundleMain();
  const { version, description, license } = readPackage();
  const manifest = {
    name: 'sparewatt',
    productName: 'Sparewatt',
    version,
    description,
    license,
    author: { name: 'Sparewatt', email: 'packages@sparewatt.example' },
    homepage: 'https://sparewatt.example',
    type: 'module',
    main: 'main/index.js',
  };
  writeFileSync(join(APP_FOLDER, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  cpSync(join(ROOT, 'build', 'desktop', 'icons'), join(APP_FOLDER, 'icons'), { recursive: true });
  for (const model of MODELS) {
    cpSync(join(ROOT, 'shared', 'models', model), join(APP_FOLDER, 'models', model), { recursive: true });
  }
  await copyPages(join(APP_FOLDER, 'pages'));
  for (const name of PACKAGES) copyPackage(name, { platform, arch }, join(native, name));
  return { app: APP_FOLDER, native, version };
}

function copyPackage(name: (typeof PACKAGES)[number], target: Target, to: string): void {
  const from = join(ROOT, 'node_modules', name);
  for (const file of [...PACKAGE_FILES, ...NATIVE_FILES[name](target)]) {
    const filter = (path: string): boolean => !/\.(map|ts)$/.test(path);
    if (existsSync(join(from, file))) cpSync(join(from, file), join(to, file), { recursive: true, filter });
  }
}

/** The pages of the app, without those that a relay serves, and without what is compressed for its visitors. */
async function copyPages(to: string): Promise<void> {
  if (!arePagesFresh()) await buildPages();
  for (const folder of APP_PAGES) {
    const from = join(PAGES.output, folder);
    if (existsSync(from)) cpSync(from, join(to, folder), { recursive: true, filter: (path) => !path.endsWith('.gz') });
  }
}

function readPackage(): { version: string; description: string; license: string } {
  return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as never;
}
