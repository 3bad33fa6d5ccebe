// biome-ignore-all lint/a11y/useSemanticElements: rows that are placed by hand cannot be rows of a table element.
// biome-ignore-all lint/a11y/useFocusableInteractive: the box takes the focus and scrolls; its rows are for reading.
import { type ReactNode, useEffect, useRef, useState } from 'react';

export type Column<Row> = { name: string; className?: string; show(row: Row): ReactNode };
export type VirtualListProps<Row> = {
  label: string;
  rows: readonly Row[];
  keyOf(row: Row): number;
  columns: readonly Column<Row>[];
  empty: string;
};

/** As `.ledger-row` of the style sheet has it. */
const ROW_HEIGHT_PX = 44;
/** Beyond both edges, so that a fast scroll shows no gap. */
const SPARE_ROWS = 8;

/**
 * A table of which only the rows in sight exist. It scrolls by keyboard as any box does, and tells those who cannot see it
 * how long it is and where they are.
 */
export function VirtualList<Row>({ label, rows, keyOf, columns, empty }: VirtualListProps<Row>) {
  const box = useRef<HTMLDivElement>(null);
  const [scrollTop, setScrollTop] = useState(0);
  const height = useHeight(box);
  const first = Math.max(0, Math.min(Math.floor(scrollTop / ROW_HEIGHT_PX), rows.length) - SPARE_ROWS);
  const last = Math.min(rows.length, Math.ceil((scrollTop + height) / ROW_HEIGHT_PX) + SPARE_ROWS);
  const shown = rows.slice(first, last);
  return (
    <div
      ref={box}
      className="ledger"
      role="table"
      aria-label={label}
      aria-rowcount={rows.length + 1}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
      tabIndex={0}
      onScroll={({ currentTarget }) => setScrollTop(currentTarget.scrollTop)}
    >
      <div role="rowgroup" className="ledger-head">
        <div role="row" aria-rowindex={1} className="ledger-row" data-columns={columns.length}>
          {columns.map(({ name, className }) => (
            <span key={name} role="columnheader" className={className}>
              {name}
            </span>
          ))}
        </div>
      </div>
      {rows.length === 0 && <p className="quiet ledger-empty">{empty}</p>}
      <div role="rowgroup" className="ledger-body" style={{ height: rows.length * ROW_HEIGHT_PX }}>
        {shown.map((row, index) => (
          <div
            key={keyOf(row)}
            role="row"
            aria-rowindex={first + index + 2}
            className="ledger-row"
            data-columns={columns.length}
            style={{ transform: `translateY(${(first + index) * ROW_HEIGHT_PX}px)` }}
          >
            {columns.map(({ name, className, show }) => (
              <span key={name} role="cell" className={className}>
                {show(row)}
              </span>
            ))}
          </div>
        ))}
      </div>
    </div>
  );
}

function useHeight(box: React.RefObject<HTMLDivElement | null>): number {
  const [height, setHeight] = useState(600);
  useEffect(() => {
    const { current } = box;
    if (current === null) return;
    const observer = new ResizeObserver(() => setHeight(current.clientHeight));
    observer.observe(current);
    return () => observer.disconnect();
  }, [box]);
  return height;
}
