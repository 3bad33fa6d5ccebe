import type { Database } from 'better-sqlite3';

/** The next jobs need room: so much of what is used stays beside it, and so many bytes at least. */
const KEPT_SHARE = 8;
const KEPT_BYTES = 16 * 1024 * 1024;

/**
 * Shortens the file by up to `mostBytes` of its free pages, in the running transaction; whether there are more to spare. A
 * database from before `auto_vacuum` keeps its size: only `VACUUM`, which writes all of it anew, changes that.
 */
export function giveBackPages(db: Database, mostBytes: number): boolean {
  const read = (name: string): number => Number(db.pragma(name, { simple: true }));
  if (read('auto_vacuum') === 0) return false;
  const pageBytes = read('page_size');
  const free = read('freelist_count');
  const used = read('page_count') - free;
  const spare = free - Math.max(Math.ceil(used / KEPT_SHARE), Math.ceil(KEPT_BYTES / pageBytes));
  const most = Math.max(1, Math.floor(mostBytes / pageBytes));
  // Zero would be all of them.
  if (spare > 0) db.pragma(`incremental_vacuum(${Math.min(spare, most)})`);
  return spare > most;
}
