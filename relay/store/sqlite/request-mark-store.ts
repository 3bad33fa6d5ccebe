import type { Database } from 'better-sqlite3';
import type { RequestMark, RequestMarkStore } from '../request-mark-store.ts';
import { MARK_COLUMNS, type MarkValues, markValues } from '../rows/request-mark-rows.ts';
import type { SqliteAccess } from './sqlite-access.ts';

/** Marks of requests that may be sent again, on SQLite. */
export function createRequestMarkStore(db: Database, access: SqliteAccess): RequestMarkStore {
  const put = db.prepare<MarkValues>(
    'INSERT INTO request_marks (mark, request_hash, made_id, marked_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
  );
  const find = db.prepare<[string], RequestMark>(`SELECT ${MARK_COLUMNS} FROM request_marks WHERE mark = ?`);
  const drop = db.prepare<[string]>('DELETE FROM request_marks WHERE mark = ?');
  const forget = db.prepare<[number, number]>(
    'DELETE FROM request_marks WHERE mark IN (SELECT mark FROM request_marks WHERE marked_at < ? LIMIT ?)',
  );
  return {
    keepMark: (mark) =>
      access.write(() => {
        put.run(...markValues(mark));
        return find.get(mark.mark) ?? mark;
      }),
    findMark: (mark) => access.read(() => find.get(mark)),
    dropMark: (mark) => access.write(() => void drop.run(mark)),
    forgetMarks: (before, limit) => access.write(() => forget.run(before, limit).changes),
  };
}
