import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { afterFile } from './after-file.ts';
import { afterTest } from './after-test.ts';

/** An empty folder that is removed when the test ends. */
export function temporaryFolder(t: TestContext): string {
  const folder = makeFolder();
  afterTest(t, () => removeFolder(folder));
  return folder;
}

/** The same for all tests of a file, or of the suite in which it is called; not for what a process still has open then. */
export function sharedFolder(): string {
  const folder = makeFolder();
  afterFile(() => removeFolder(folder));
  return folder;
}

function makeFolder(): string {
  return mkdtempSync(join(tmpdir(), 'sparewatt-test-'));
}

function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}
