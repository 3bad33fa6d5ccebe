/**
 * Checks what was packaged for one target, after signing: `node build/desktop/check-package.ts linux x64`. Its fuses are blown as
 * declared, and beside its archive lie exactly the native modules of its target. Prints each fault and fails if there is one.
 */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fuses from '@electron/fuses';
import { FUSES, OUTPUT } from './builder-config.ts';
import { nativeFormatOf } from './native-format.ts';
import { nativePackagesOf, type Target } from './native-packages.ts';

type Place = { program: string; resources: string };

const { FuseV1Options, getCurrentFuseWire } = fuses;
/** How a fuse that is on is written; one that is off may also have been removed. */
const ON = '1'.charCodeAt(0);
const MODULES = 'app.asar.unpacked/node_modules';

const [platform, arch] = process.argv.slice(2);
if ((platform !== 'linux' && platform !== 'win32' && platform !== 'darwin') || (arch !== 'x64' && arch !== 'arm64')) {
  console.error('Which target? For example: node build/desktop/check-package.ts linux x64');
  process.exit(2);
}
const target: Target = { platform, arch };
const place = placeOf(target);
const faults = existsSync(place.resources)
  ? [...(await fuseFaults(place)), ...nativeFaults(place, target)]
  : [`there is no package of this target: ${place.resources} is missing`];
for (const fault of faults) console.error(fault);
if (faults.length === 0) console.log(`The package for ${platform} on ${arch} is as declared.`);
process.exitCode = faults.length === 0 ? 0 : 1;

/** Where electron-builder leaves what it packs before it becomes an installer. */
function placeOf({ platform: system, arch: processor }: Target): Place {
  const suffix = processor === 'x64' ? '' : `-${processor}`;
  if (system === 'darwin') {
    const bundle = join(OUTPUT, `mac${suffix}`, 'sparewatt.app');
    return { program: bundle, resources: join(bundle, 'Contents', 'Resources') };
  }
  const folder = join(OUTPUT, `${system === 'win32' ? 'win' : 'linux'}${suffix}-unpacked`);
  return {
    program: join(folder, system === 'win32' ? 'sparewatt.exe' : 'sparewatt'),
    resources: join(folder, 'resources'),
  };
}

async function fuseFaults({ program }: Place): Promise<string[]> {
  const wire = await getCurrentFuseWire(program);
  return Object.entries(FUSES).flatMap(([name, isDeclared]) => {
    const fuse = FuseV1Options[(name.charAt(0).toUpperCase() + name.slice(1)) as keyof typeof FuseV1Options];
    const isOn = Number(wire[fuse as keyof typeof wire]) === ON;
    return isOn === isDeclared ? [] : [`the fuse ${name} is ${isOn ? 'on' : 'off'}`];
  });
}

function nativeFaults({ resources }: Place, of: Target): string[] {
  const modules = join(resources, MODULES);
  const found = globSync('**/*.node', { cwd: modules }).map((name) => name.replaceAll('\\', '/'));
  const wanted = nativePackagesOf(of).flatMap(({ name, native }) =>
    native === undefined ? [] : [`${name}/${native.replaceAll('\\', '/')}`],
  );
  const format = `${of.platform} ${of.arch}`;
  return [
    ...wanted.filter((name) => !found.includes(name)).map((name) => `${name} is missing`),
    ...found.filter((name) => !wanted.includes(name)).map((name) => `${name} is none of its native modules`),
    ...found
      .filter((name) => nativeFormatOf(readFileSync(join(modules, name))) !== format)
      .map((name) => `${name} is not for ${format}`),
  ];
}
