import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { arePagesFresh, buildPages, PAGES } from '../build-pages.ts';
import { collectLicences, LICENCES_FILE, type LicenceCollector } from '../licences.ts';
import { APP_FOLDER, bundleMain, ROOT } from './bundle.ts';
import { copyNativePackages, nativePackagesOf, type Target } from './native-packages.ts';

export type Assembled = {
  /** Becomes the archive. */
  app: string;
  /** Becomes `node_modules` of it: packages with binaries, each with those of the target alone. */
  native: string;
  version: string;
};

const MODELS = ['sparewatt/demo-chat', 'sparewatt/demo-embed'];
const APP_PAGES = ['compute', 'ui', 'assets', LICENCES_FILE];

/** Puts together what is packaged for one target: the bundles, pages, models and icons, and no development files. */
export async function assemble({ platform, arch }: Target): Promise<Assembled> {
  const native = join(ROOT, 'dist', 'desktop', 'native', `${platform}-${arch}`);
  for (const folder of [APP_FOLDER, native]) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
  }
  const licences = collectLicences(ROOT);
  await bundleMain(APP_FOLDER, licences);
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
  copyNativePackages({ platform, arch }, native);
  for (const { name } of nativePackagesOf({ platform, arch }))
    licences.add(join(ROOT, 'node_modules', name, 'package.json'));
  addLicences(licences, join(APP_FOLDER, 'pages', LICENCES_FILE));
  return { app: APP_FOLDER, native, version };
}

/** The pages of the app, without those that a relay serves, and without what is compressed for its visitors. */
async function copyPages(to: string): Promise<void> {
  if (!arePagesFresh()) await buildPages();
  for (const folder of APP_PAGES) {
    const from = join(PAGES.output, folder);
    if (existsSync(from)) cpSync(from, join(to, folder), { recursive: true, filter: (path) => !path.endsWith('.gz') });
  }
}

/** Those of the app's processes after those of its pages. */
function addLicences(licences: LicenceCollector, file: string): void {
  const ofPages = readFileSync(file, 'utf8');
  licences.write(file, ofPages);
  writeFileSync(file, `${ofPages}\n${readFileSync(file, 'utf8')}`);
}

function readPackage(): { version: string; description: string; license: string } {
  return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as never;
}
