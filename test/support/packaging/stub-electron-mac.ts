import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fuseWire } from './stub-electron.ts';

const HELPERS = ['', ' (GPU)', ' (Plugin)', ' (Renderer)'];

/** A folder that packagers take for Electron's distribution for macOS: bundles and names are right, programs are none. */
export function stubElectronMac(folder: string, version: string): string {
  const contents = join(folder, 'Electron.app', 'Contents');
  bundle(contents, 'Electron', version);
  writeFileSync(join(contents, 'Resources', 'electron.icns'), '');
  for (const kind of HELPERS) {
    const name = `Electron Helper${kind}`;
    bundle(join(contents, 'Frameworks', `${name}.app`, 'Contents'), name, version);
  }
  const framework = join(contents, 'Frameworks', 'Electron Framework.framework');
  const current = join(framework, 'Versions', 'A');
  mkdirSync(join(current, 'Resources'), { recursive: true });
  writeFileSync(join(current, 'Electron Framework'), Buffer.concat([Buffer.from('no program'), fuseWire()]), {
    mode: 0o755,
  });
  for (const locale of ['en', 'fr', 'de']) {
    mkdirSync(join(current, 'Resources', `${locale}.lproj`));
    writeFileSync(join(current, 'Resources', `${locale}.lproj`, 'locale.pak'), '');
  }
  symlinkSync('A', join(framework, 'Versions', 'Current'));
  for (const name of ['Electron Framework', 'Resources'])
    symlinkSync(`Versions/Current/${name}`, join(framework, name));
  writeFileSync(join(folder, 'version'), version);
  for (const file of ['LICENSE', 'LICENSES.chromium.html']) writeFileSync(join(folder, file), '');
  return folder;
}

function bundle(contents: string, name: string, version: string): void {
  mkdirSync(join(contents, 'MacOS'), { recursive: true });
  mkdirSync(join(contents, 'Resources'), { recursive: true });
  writeFileSync(join(contents, 'MacOS', name), 'no program', { mode: 0o755 });
  const entries = {
    CFBundleExecutable: name,
    CFBundleIdentifier: `com.github.${name.replaceAll(/[ ()]/g, '')}`,
    CFBundleName: name,
    CFBundleDisplayName: name,
    CFBundlePackageType: 'APPL',
    CFBundleShortVersionString: version,
    CFBundleVersion: version,
  };
  const dict = Object.entries(entries).map(([key, value]) => `<key>${key}</key><string>${value}</string>`);
  const plist = `<?xml version="1.0" encoding="UTF-8"?>\n<plist version="1.0"><dict>${dict.join('')}</dict></plist>\n`;
  writeFileSync(join(contents, 'Info.plist'), plist);
}
