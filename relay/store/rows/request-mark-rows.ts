import type { RequestMark } from '../request-mark-store.ts';

/** In the words of both databases, but for their signs for parameters. */
export const MARK_COLUMNS = 'mark, request_hash AS "requestHash", made_id AS "madeId", marked_at AS "markedAt"';

export type MarkValues = [mark: string, requestHash: string, madeId: string, markedAt: number];

export function markValues({ mark, requestHash, madeId, markedAt }: RequestMark): MarkValues {
  return [mark, requestHash, madeId, markedAt];
}
