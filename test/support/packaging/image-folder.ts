import assert from 'node:assert/strict';
import { cpSync, globSync, readFileSync, realpathSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { ROOT } from '../command.ts';
import { temporaryFolder } from '../temporary-folder.ts';

/** A file of `build`, as it stands. */
export function buildFile(name: string): string {
  return readFileSync(join(ROOT, 'build', name), 'utf8');
}

/** The arguments of an instruction of the Dockerfile in JSON form. */
export function instruction(name: string): string[] {
  const [, list = ''] = new RegExp(`^${name} (\\[.*\\])$`, 'm').exec(buildFile('Dockerfile')) ?? [];
  return JSON.parse(list) as string[];
}

/** What `COPY . .` of the Dockerfile finds, as names in the root. */
export function copiedIntoImage(): string[] {
  const [everything, ...kept] = buildFile('Dockerfile.dockerignore').trim().split('\n').slice(1);
  assert.equal(everything, '*');
  return kept.flatMap((line) => {
    const names = globSync(line.slice(1), { cwd: ROOT });
    assert.ok(line.startsWith('!') && names.length > 0, line);
    return names;
  });
}

/** The image's folder, as far as it is ours. */
export function imageFolder(t: TestContext): string {
  const folder = temporaryFolder(t);
  const removed = /npm prune .*rm -rf (.+)$/m.exec(buildFile('Dockerfile'))?.[1]?.split(' ') ?? [];
  for (const name of copiedIntoImage()) {
    if (!removed.includes(name)) cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  }
  symlinkSync(realpathSync(join(ROOT, 'node_modules')), join(folder, 'node_modules'), 'junction');
  return folder;
}
