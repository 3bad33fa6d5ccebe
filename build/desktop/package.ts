/**
 * Packages the desktop app for one target: `node build/desktop/package.ts linux x64 dir zip`. `SPAREWATT_ELECTRON_DIST` names a
 * folder with Electron's distribution for that target; without it electron-builder fetches one. It writes the packages, the feed
 * that a running app asks for updates, and their checksums, and prints the path of each.
 */
import { Arch, build, Platform } from 'electron-builder';
import { assemble } from './assemble.ts';
import { builderConfig, OUTPUT } from './builder-config.ts';
import { ROOT } from './bundle.ts';
import { writeChecksums } from './checksums.ts';
import type { Target } from './native-packages.ts';

const PLATFORMS: Readonly<Record<Target['platform'], Platform>> = {
  linux: Platform.LINUX,
  win32: Platform.WINDOWS,
  darwin: Platform.MAC,
};

const [platform, arch, ...formats] = process.argv.slice(2);
if (!isPlatform(platform) || !isArch(arch)) {
  console.error('Which target? For example: node build/desktop/package.ts linux x64 dir zip deb');
  process.exit(2);
}
const assembled = await assemble({ platform, arch });
let unpacked: string | undefined;
const made = await build({
  projectDir: ROOT,
  targets: PLATFORMS[platform].createTarget(formats.length > 0 ? formats : null, Arch[arch]),
  publish: 'never',
  config: builderConfig({
    ...assembled,
    electronDist: process.env.SPAREWATT_ELECTRON_DIST,
    isInspectable: process.env.SPAREWATT_E2E_BUILD === '1',
    onPacked: (folder) => {
      if (formats.includes('dir')) unpacked = folder;
    },
  }),
});
const checksums = await writeChecksums({ target: { platform, arch }, formats, folder: OUTPUT, made, unpacked });
for (const file of [...made, checksums]) console.log(file);

function isPlatform(name: string | undefined): name is Target['platform'] {
  return name !== undefined && Object.hasOwn(PLATFORMS, name);
}

function isArch(name: string | undefined): name is Target['arch'] {
  return name === 'x64' || name === 'arm64';
}
