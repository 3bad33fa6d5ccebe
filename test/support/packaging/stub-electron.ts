import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What Electron's programs carry for those who flip fuses: a mark, a version, how many, and each one's state. */
const FUSE_SENTINEL = 'dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX';
const FUSE_VERSION = 1;
const FUSES = 9;
const DISABLED = '0'.charCodeAt(0);

/** A folder that packagers take for Electron's distribution for Linux: a program that is none, with a wire of fuses. */
export function stubElectronDist(folder: string, version: string): string {
  mkdirSync(join(folder, 'resources'), { recursive: true });
  mkdirSync(join(folder, 'locales'), { recursive: true });
  const program = join(folder, 'electron');
  copyFileSync('/bin/true', program);
  writeFileSync(program, Buffer.concat([readFileSync(program), fuseWire()]), { mode: 0o755 });
  writeFileSync(join(folder, 'version'), version);
  for (const locale of ['en-US', 'fr', 'de']) writeFileSync(join(folder, 'locales', `${locale}.pak`), '');
  for (const file of ['LICENSE', 'LICENSES.chromium.html', 'chrome-sandbox']) writeFileSync(join(folder, file), '');
  return folder;
}

export function fuseWire(): Buffer {
  return Buffer.concat([Buffer.from(FUSE_SENTINEL), Buffer.from([FUSE_VERSION, FUSES]), Buffer.alloc(FUSES, DISABLED)]);
}
