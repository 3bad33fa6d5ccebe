import { TOKENS_PER_FORWARD, takeBatch } from '../embedding/row-batches.ts';
import type { Turns } from './turns.ts';
import type { RowPasses, WritingGraph } from './writing-graph.ts';
import { createWritingGroup, type RunPass } from './writing-group.ts';
import { findSharing, type Sharing } from './writing-probe.ts';

/** One text to write. `columns` are the tokens of its source and the most that it may have itself. */
export type WritingRow<By> = {
  readonly columns: number;
  /** Rejects with what keeps it from being written; ends early once `interrupted` answers yes. */
  write(by: By, interrupted: () => boolean): Promise<string>;
};

/** Texts in order; early, with what is there, once `interrupted` answers yes. */
export type WriteRows = (rows: readonly WritingRow<RowPasses>[], interrupted: () => boolean) => Promise<string[]>;

type Job = {
  readonly texts: (string | undefined)[];
  left: number;
  interrupted(): boolean;
  settle(error?: unknown): void;
};
type Row = WritingRow<RowPasses> & { readonly place: number; readonly job: Job };
/** Its rows take `columns` each. */
type Batch = { readonly columns: number; left: number };

/** A twentieth of what a short translation takes, and enough for requests that were sent together to arrive together. */
const WINDOW_MS = 5;
/** Who comes later does not wait for the end of a long one; those who come after it gather, and share. */
const MOST_BATCHES = 2;

export type SharedWritingOptions = {
  readonly graph: WritingGraph;
  readonly turns: Turns;
  readonly wait: (ms: number) => Promise<void>;
};

/**
 * One queue of texts for the jobs of a model that writes.
 *
 * 1. A row is in `waiting`, or in one of `batches`, or has ended. It waits for a window of company, then for room.
 * 2. The rows of a batch begin together, since decoders count what a row has written by what all have; between two passes
 *    each may end, and the others close up. Batches take turns, pass by pass.
 * 3. Batches have no more tokens in memory than one pass may read, with what their rows may still write; one always runs.
 * 4. A job settles once: with its last row, or its first error, which stops its other rows.
 * 5. Rows share as the graph was found to allow it; until two wait, that is not asked.
 */
export function createSharedWriting({ graph, turns, wait }: SharedWritingOptions): WriteRows {
  let waiting: Row[] = [];
  const batches = new Set<Batch>();
  let sharing: Sharing | undefined;
  let isWindowOpen = false;
  let isProbing = false;

  const dropInterrupted = (): void => {
    for (const { job } of waiting.filter((row) => row.job.interrupted())) leaveOut(job);
  };
  const leaveOut = (job: Job): void => {
    const others = waiting.filter((row) => row.job !== job);
    job.left -= waiting.length - others.length;
    waiting = others;
    if (job.left === 0) job.settle();
  };
  const run: RunPass = async (pass) => {
    await graph.breathe?.();
    const giveBack = await turns.take(() => false);
    turns.dropCancelled();
    dropInterrupted();
    try {
      return await pass();
    } finally {
      giveBack?.();
    }
  };

  function nextBatch(): Row[] {
    const [oldest] = waiting;
    if (oldest === undefined) return [];
    if (sharing === 'none') return [oldest];
    return takeBatch(sharing === 'padded' ? [...waiting] : waiting.filter(({ columns }) => columns === oldest.columns));
  }

  function hasRoom(batch: Batch): boolean {
    if (batches.size === 0) return true;
    const most = sharing === 'none' ? 1 : MOST_BATCHES;
    const tokens = [...batches, batch].reduce((sum, { columns, left }) => sum + columns * left, 0);
    return batches.size < most && tokens <= TOKENS_PER_FORWARD;
  }

  async function admit(): Promise<void> {
    if (isWindowOpen || isProbing) return;
    dropInterrupted();
    if (waiting.length > 1 && sharing === undefined) {
      isProbing = true;
      sharing = await findSharing(graph, run).catch(() => 'none' as const);
      isProbing = false;
      dropInterrupted();
    }
    for (let rows = nextBatch(); rows.length > 0; rows = nextBatch()) {
      const batch = { columns: Math.max(...rows.map(({ columns }) => columns)), left: rows.length };
      if (!hasRoom(batch)) return;
      waiting = waiting.filter((row) => !rows.includes(row));
      begin(rows, batch);
    }
  }

  function begin(rows: readonly Row[], batch: Batch): void {
    batches.add(batch);
    const members = createWritingGroup(graph, rows.length, { mayPad: sharing === 'padded', run });
    for (const [at, row] of rows.entries()) {
      const member = members[at];
      if (member === undefined) continue;
      void writeRow(row, member).then(() => {
        member.leave();
        batch.left -= 1;
        if (batch.left === 0) batches.delete(batch);
        void admit();
      });
    }
  }

  async function writeRow({ job, place, write }: Row, by: RowPasses): Promise<void> {
    try {
      job.texts[place] = await write(by, job.interrupted);
      job.left -= 1;
      if (job.left === 0) job.settle();
    } catch (error) {
      job.settle(error);
      leaveOut(job);
    }
  }

  async function openWindow(): Promise<void> {
    if (isWindowOpen) return;
    isWindowOpen = true;
    await wait(WINDOW_MS);
    isWindowOpen = false;
    await admit();
  }

  return async (rows, interrupted) => {
    if (rows.length === 0) return [];
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let hasFailed = false;
    const job: Job = {
      texts: [],
      left: rows.length,
      interrupted: () => hasFailed || interrupted(),
      settle(error) {
        hasFailed ||= error !== undefined;
        if (error === undefined) resolve();
        else reject(error);
      },
    };
    waiting.push(...rows.map((row, place) => ({ ...row, place, job })));
    void openWindow();
    await promise;
    return job.texts.filter((text) => text !== undefined);
  };
}
