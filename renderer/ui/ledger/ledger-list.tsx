import { useDeferredValue, useId, useMemo, useState } from 'react';
import { useSpeech } from '../locale.ts';
import { saveFile } from '../save-file.ts';
import type { AllRows } from './all-rows.ts';
import { csvOf, filterRows } from './filter-rows.ts';
import { type Column, VirtualList } from './virtual-list.tsx';

export type LedgerListProps<Row> = {
  name: 'departures' | 'jobs' | 'receipts';
  all: AllRows<Row>;
  columns: readonly Column<Row>[];
  empty: string;
};

/** One list of the ledger, with a filter; what is exported is what the filter leaves. */
export function LedgerList<Row extends { row: number }>({ name, all, columns, empty }: LedgerListProps<Row>) {
  const { texts, show } = useSpeech();
  const words = texts.ledger;
  const [filter, setFilter] = useState('');
  const wanted = useDeferredValue(filter);
  const rows = useMemo(() => filterRows(all.rows, wanted), [all.rows, wanted]);
  const id = useId();
  const exportAs = (kind: 'csv' | 'json') => (): void => {
    const [type, text] =
      kind === 'csv' ? ['text/csv', csvOf(rows)] : ['application/json', JSON.stringify(rows, null, 2)];
    saveFile(`sparewatt-${name}.${kind}`, type, text);
  };
  return (
    <div className="ledger-list">
      <div className="ledger-tools">
        <div className="field grow">
          <label htmlFor={id}>{words.filter}</label>
          <input
            id={id}
            type="search"
            className="input"
            value={filter}
            onChange={({ target }) => setFilter(target.value)}
          />
        </div>
        <button type="button" className="button" disabled={rows.length === 0} onClick={exportAs('csv')}>
          {words.exportCsv}
        </button>
        <button type="button" className="button" disabled={rows.length === 0} onClick={exportAs('json')}>
          {words.exportJson}
        </button>
      </div>
      <p className="hint" role="status">
        {all.isWhole ? words.count(show.number(rows.length), show.number(all.rows.length)) : words.reading}
      </p>
      <VirtualList
        label={words.tabs[name]}
        rows={rows}
        keyOf={({ row }) => row}
        columns={columns}
        empty={all.isWhole ? (all.rows.length === 0 ? empty : words.nothingFits) : ''}
      />
    </div>
  );
}
