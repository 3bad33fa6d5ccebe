import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { onceLetGo } from '../../shared/files/once-let-go.ts';

/**
 * Replaces a file whole, readable by its owner alone, while the event loop goes on: after a crash there is the old or
 * the new one, never a half. Whoever calls waits for one call to end before the next for the same file.
 */
export async function replaceFile(file: string, text: string): Promise<void> {
  const draft = `${file}.tmp`;
  await rm(draft, { force: true });
  const handle = await open(draft, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await onceLetGo(process.platform, () => rename(draft, file));
  await syncFolder(dirname(file));
}

async function syncFolder(folder: string): Promise<void> {
  // Windows cannot open a folder, and needs no sync to keep a rename.
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
