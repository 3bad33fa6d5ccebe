import { useEffect, useState } from 'react';
import type { PageRequest } from '../../../shared/ipc/ledger-views.ts';

export type AllRows<Row> = { rows: readonly Row[]; isWhole: boolean };

const PAGE = 500;
/** Rows are shown as they come, but not so often that showing them takes longer than reading them. */
const SHOW_EVERY = 20;

/** Reads a list of the ledger page by page, the newest first. Invariant: what comes after the view is gone is dropped. */
export function useAllRows<Row extends { row: number }>(read: (page: PageRequest) => Promise<Row[]>): AllRows<Row> {
  const [all, setAll] = useState<AllRows<Row>>({ rows: [], isWhole: false });
  // biome-ignore lint/correctness/useExhaustiveDependencies: one view reads one list, once.
  useEffect(() => {
    let isWanted = true;
    const load = async (): Promise<void> => {
      const rows: Row[] = [];
      for (let pages = 1; isWanted; pages++) {
        const page = await read({ before: rows.at(-1)?.row ?? null, limit: PAGE });
        rows.push(...page);
        const isWhole = page.length < PAGE;
        if (isWanted && (isWhole || pages === 1 || pages % SHOW_EVERY === 0)) setAll({ rows: [...rows], isWhole });
        if (isWhole) return;
      }
    };
    load().catch(() => isWanted && setAll((kept) => ({ ...kept, isWhole: true })));
    return () => {
      isWanted = false;
    };
  }, []);
  return all;
}
