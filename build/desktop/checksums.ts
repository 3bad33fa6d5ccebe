import { createHash } from 'node:crypto';
import { createReadStream, existsSync, globSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Target } from './native-packages.ts';

export type Packaged = {
  target: Target;
  formats: readonly string[];
  /** Where all of it lies. */
  folder: string;
  /** Files that electron-builder has made. */
  made: readonly string[];
  /** What it packed, where that itself was asked for. */
  unpacked: string | undefined;
};

/** Formats that a running app can update itself from. */
export const UPDATED: Readonly<Record<Target['platform'], readonly string[]>> = {
  linux: ['AppImage', 'deb', 'rpm'],
  win32: ['nsis'],
  darwin: ['zip'],
};

/** The file that a running app of this target asks for, as electron-updater names it. */
export function feedOf({ platform, arch }: Target): string {
  if (platform === 'win32') return 'latest.yml';
  if (platform === 'darwin') return 'latest-mac.yml';
  return arch === 'x64' ? 'latest-linux.yml' : `latest-linux-${arch}.yml`;
}

/**
 * Writes `SHA256SUMS-<platform>-<arch>` beside what was packaged, for `sha256sum --check`, and returns its path. Throws a
 * sentence when the update feed is missing that a format needs, since nobody would notice before the next release.
 */
export async function writeChecksums({ target, formats, folder, made, unpacked }: Packaged): Promise<string> {
  const feed = join(folder, feedOf(target));
  const isUpdated = formats.length === 0 || formats.some((format) => UPDATED[target.platform].includes(format));
  if (isUpdated && !existsSync(feed)) throw new Error(`The update feed ${feedOf(target)} was not written.`);
  const files = [...made, ...(isUpdated ? [feed] : []), ...(unpacked === undefined ? [] : filesIn(unpacked))];
  const lines = await Promise.all(
    [...new Set(files)].map(async (file) => `${await digestOf(file)}  ${named(file, folder)}\n`),
  );
  const path = join(folder, `SHA256SUMS-${target.platform}-${target.arch}`);
  writeFileSync(path, lines.sort(byName).join(''));
  return path;
}

function filesIn(folder: string): string[] {
  const entries = globSync('**/*', { cwd: folder, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

function named(file: string, folder: string): string {
  return relative(folder, file).split(sep).join('/');
}

function byName(one: string, other: string): number {
  return one.slice(64) < other.slice(64) ? -1 : 1;
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
