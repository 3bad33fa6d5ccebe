import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isHeavy } from './file-order.ts';

/**
 * Rooms whose files share processes in a whole run: what a file loads, half a second of a processor with a relay in it, is loaded once
 * for several, and compiled code stays. Files of `test/main` change the environment of their process, and those of `build` build.
 */
const SHARING = /^test\/(shared|relay|protocol|conformance)\//;
const FILES_OF_A_PROCESS = 8;

/**
 * Test files, or in place of eight neighbours of one room one that runs them together, written below `folder`. Run alone, each file has
 * its own process, so that none may need another.
 */
export function groupFiles(files: readonly string[], folder: string): string[] {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const sharing = Map.groupBy(files.filter(shares).sort(), (file) => SHARING.exec(file)?.[1] ?? '');
  const groups = [...sharing].flatMap(([room, all]) =>
    chunksOf(all, FILES_OF_A_PROCESS).map((chunk, at) => writeGroup(join(folder, `${room}-${at + 1}.test.ts`), chunk)),
  );
  return [...files.filter((file) => !shares(file)), ...groups];
}

function shares(file: string): boolean {
  return SHARING.test(file) && !isHeavy(file);
}

function writeGroup(path: string, files: readonly string[]): string {
  const runner = JSON.stringify(resolve(import.meta.dirname, 'run-together.ts'));
  writeFileSync(path, `import { runTogether } from ${runner};\nrunTogether(${JSON.stringify(files, null, 2)});\n`);
  return path;
}

function chunksOf<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, at) => items.slice(at * size, (at + 1) * size));
}
