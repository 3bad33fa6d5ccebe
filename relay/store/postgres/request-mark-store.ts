import type { RequestMark, RequestMarkStore } from '../request-mark-store.ts';
import { MARK_COLUMNS, markValues } from '../rows/request-mark-rows.ts';
import type { PostgresAccess } from './queries.ts';

const PUT =
  'INSERT INTO request_marks (mark, request_hash, made_id, marked_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING';
const FIND = `SELECT ${MARK_COLUMNS} FROM request_marks WHERE mark = $1`;
const DROP = 'DELETE FROM request_marks WHERE mark = $1';
const FORGET = 'DELETE FROM request_marks WHERE mark IN (SELECT mark FROM request_marks WHERE marked_at < $1 LIMIT $2)';

/** Marks of requests that may be sent again, on PostgreSQL. */
export function createRequestMarkStore(access: PostgresAccess): RequestMarkStore {
  return {
    keepMark: (mark) =>
      access.write(async (db) => {
        await db.run(PUT, markValues(mark));
        return (await db.one<RequestMark>(FIND, [mark.mark])) ?? mark;
      }),
    findMark: (mark) => access.read((db) => db.one<RequestMark>(FIND, [mark])),
    dropMark: (mark) => access.write(async (db) => void (await db.run(DROP, [mark]))),
    forgetMarks: (before, limit) => access.write((db) => db.run(FORGET, [before, limit])),
  };
}
