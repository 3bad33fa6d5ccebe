import { Problem } from '../../../shared/problems/problem.ts';
import type { ProblemCode } from '../../../shared/problems/table.ts';
import type { StoreRooms } from '../store-rooms.ts';
import type { PendingUpgrade } from '../tell-upgrade.ts';

export type Room = keyof StoreRooms;

/** Structured clones, as everything here: plain data, and errors that keep only their message and stack. */
export type Call = readonly [id: number, room: Room, method: string, args: readonly unknown[]];

/** Many calls travel in one message, and so do many outcomes: a message costs more than what it carries. */
export type ToThread = readonly Call[];

export type FromThread =
  | { type: 'upgrading'; pending: PendingUpgrade }
  | { type: 'opened' }
  | { type: 'refused'; error: ErrorRecord }
  | { type: 'outcomes'; values: [id: number, value: unknown][]; errors: [id: number, error: ErrorRecord][] };

/** An error on its way between threads. A problem would lose its code as a clone. */
export type ErrorRecord =
  | { code: ProblemCode; detail: string; param: string | undefined; retryAfterMs: number | undefined; cause: unknown }
  | { fault: unknown };

export function toErrorRecord(error: unknown): ErrorRecord {
  if (!(error instanceof Problem)) return { fault: error };
  const { code, message: detail, param, retryAfterMs, cause } = error;
  return { code, detail, param, retryAfterMs, cause };
}

/** The problem made anew, or the clone of the fault. */
export function fromErrorRecord(record: ErrorRecord): unknown {
  if ('fault' in record) return record.fault;
  const { code, detail, param, retryAfterMs, cause } = record;
  return new Problem(code, detail, {
    cause,
    ...(param === undefined ? {} : { param }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}
