/**
 * A request that its client may send again: for what it asked, under which id that is made, and when it came first
 * (milliseconds since 1970). `mark` is a digest of whose request it is and of its idempotency key.
 */
export type RequestMark = { mark: string; requestHash: string; madeId: string; markedAt: number };

export interface RequestMarkStore {
  /** Keeps a mark unless it is kept already. Resolves with the kept one. */
  keepMark(mark: RequestMark): Promise<RequestMark>;
  findMark(mark: string): Promise<RequestMark | undefined>;
  /** Lets the next request with this mark be the first. */
  dropMark(mark: string): Promise<void>;
  /** Forgets up to `limit` marks that came before a moment; returns how many. */
  forgetMarks(before: number, limit: number): Promise<number>;
}
