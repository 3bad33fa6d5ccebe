import { Problem } from '../../shared/problems/problem.ts';

/** What the operating system says of a folder, and what a person can do about it. */
const ADVICE: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there. Give it the right to write, or name another folder with --data',
  EPERM: 'this user may not write there. Give it the right to write, or name another folder with --data',
  EROFS: 'the file system is read-only. Name a folder on another one with --data',
  ENOTDIR: 'a part of its path is a file. Name a folder with --data',
  EEXIST: 'there is a file of that name. Name a folder with --data',
  EISDIR: 'a file of the relay is a folder there. Move it away',
  ENOENT: 'it cannot be created. Check the path, or name another folder with --data',
  ENOSPC: 'the disk is full. Free some space',
  EDQUOT: 'the quota of this user is used up. Free some space',
  EIO: 'the disk does not take or give data. Check its health',
};

/** Turns what the disk says of `file` into `data_folder_unusable` with advice; any other error passes as it is. */
export function toFolderError(error: unknown, file: string): unknown {
  if (error instanceof Problem) return error;
  const code = codeOf(error);
  const advice = ADVICE[code];
  if (advice === undefined) return error;
  return new Problem('data_folder_unusable', `${file} cannot be used: ${advice} (${code}).`, { cause: error });
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
