import { chmodSync, statSync } from 'node:fs';
import { Problem } from '../../shared/problems/problem.ts';
import type { RelayLog } from '../log.ts';
import { codeOf } from './folder-problems.ts';

const OTHERS = 0o077;

/**
 * Takes from everybody but its owner what they may do with a file or folder that holds secrets, and tells it. Throws
 * `data_folder_unusable` where that is not for this user to do.
 */
export function closeToOthers(path: string, log: RelayLog): void {
  // There are no modes.
  if (process.platform === 'win32') return;
  const mode = statSync(path).mode & 0o777;
  if ((mode & OTHERS) === 0) return;
  try {
    chmodSync(path, mode & ~OTHERS);
  } catch (cause) {
    const detail = `${path} is open to other users (mode ${mode.toString(8)}) and cannot be closed (${codeOf(cause)}). Make it this user's own, or name another folder with --data.`;
    throw new Problem('data_folder_unusable', detail, { cause });
  }
  log.warn({ path, mode: mode.toString(8) }, 'what holds secrets was open to other users; it is closed now');
}
