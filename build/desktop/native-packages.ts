import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { processorHostOf } from '../../shared/runtimes/devices/processor-host.ts';
import { ROOT } from './bundle.ts';

export type Target = { platform: 'linux' | 'win32' | 'darwin'; arch: 'x64' | 'arm64' };

/** A package that has binaries, or is shared with one that has: what of it runs, without 10 MB of C and binaries of others. */
type NativePackage = { name: string; files: readonly string[]; native: string | undefined };

/** Beside what runs of each. */
const PACKAGE_FILES = ['package.json', 'LICENSE'];

/** The packages that a target's app has beside its bundles. */
export function nativePackagesOf(target: Target): NativePackage[] {
  const { platform, arch } = target;
  const database = join('prebuilds', `${platform}-${arch}.node`);
  const sqlite = { name: 'better-sqlite3', files: ['lib', database], native: database };
  if (processorHostOf(target) === 'page') return [sqlite];
  const runtime = join('bin', 'napi-v6', platform, arch);
  return [
    sqlite,
    { name: 'onnxruntime-node', files: ['dist', runtime], native: join(runtime, 'onnxruntime_binding.node') },
    { name: 'onnxruntime-common', files: ['dist'], native: undefined },
  ];
}

/** Copies them for one target. Throws a sentence where a package has no binary for it, before anything is packaged. */
export function copyNativePackages(target: Target, folder: string): void {
  for (const { name, files, native } of nativePackagesOf(target)) {
    const from = join(ROOT, 'node_modules', name);
    if (native !== undefined && !existsSync(join(from, native))) {
      throw new Error(`${name} has no binary for ${target.platform} on ${target.arch}: ${native} is missing.`);
    }
    const filter = (path: string): boolean => !/\.(map|ts)$/.test(path);
    for (const file of [...PACKAGE_FILES, ...files]) {
      if (existsSync(join(from, file))) cpSync(join(from, file), join(folder, name, file), { recursive: true, filter });
    }
  }
}
