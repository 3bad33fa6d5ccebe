import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';

/** What may lie in the place of a file, by the word for it; all but a folder hold up or feed without end whoever opens them. */
const KINDS: Readonly<Record<string, (path: string) => void>> = {
  folder: (path) => void mkdirSync(path),
  pipe: (path) => void execFileSync('mkfifo', [path]),
  device: (path) => symlinkSync('/dev/zero', path),
};

/** Puts each of them in the place of a file in turn. Windows has but folders. */
export async function withEachNoFile(path: string, check: (kind: string) => unknown): Promise<void> {
  for (const [kind, put] of Object.entries(KINDS)) {
    if (process.platform === 'win32' && kind !== 'folder') continue;
    rmSync(path, { recursive: true, force: true });
    put(path);
    await check(kind);
  }
  rmSync(path, { recursive: true, force: true });
}

/** What is said of it. */
export function noFileSentence(name: string, kind: string): RegExp {
  return new RegExp(`${name.replaceAll('.', '\\.')} cannot be (used|read): it is a ${kind}\\. Move it away`);
}
