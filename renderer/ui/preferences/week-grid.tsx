import { type KeyboardEvent, type PointerEvent, useRef, useState } from 'react';
import type { WeekGrid } from '../../../shared/preferences/week-grid.ts';
import { useSpeech } from '../locale.ts';
import { type Cell, cellIndex, DAY_ROWS, HOURS, moved, type Preset, painted, presetGrid } from './week-cells.ts';

export type WeekGridProps = { grid: WeekGrid; onChange(grid: WeekGrid): void };

const HOUR_NUMBERS = Array.from({ length: HOURS }, (_, hour) => hour);
const PRESETS: readonly Preset[] = ['always', 'nights', 'never'];
type Stroke = { from: Cell; isOpen: boolean; before: WeekGrid };

/** The week, to be painted with a pointer, or with arrow keys, Space, and Shift for a block. One stop of the tab key. */
export function WeekGridField({ grid, onChange }: WeekGridProps) {
  const { texts } = useSpeech();
  const words = texts.preferences.week;
  const [at, setAt] = useState<Cell>({ row: 0, hour: 9 });
  const stroke = useRef<Stroke>(undefined);
  const table = useRef<HTMLTableElement>(null);
  const begin = (cell: Cell): void => {
    stroke.current = { from: cell, isOpen: !grid[cellIndex(cell)], before: grid };
    extend(cell);
  };
  const extend = (cell: Cell): void => {
    setAt(cell);
    const { current } = stroke;
    if (current !== undefined) onChange(painted(current.before, current.from, cell, current.isOpen));
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const next = moved(at, event.key);
    if (next === undefined && event.key !== ' ' && event.key !== 'Enter') return;
    event.preventDefault();
    if (next === undefined) {
      begin(at);
      return;
    }
    if (!event.shiftKey) stroke.current = undefined;
    else stroke.current ??= { from: at, isOpen: grid[cellIndex(at)] ?? false, before: grid };
    extend(next);
    table.current?.querySelector<HTMLElement>(`[data-cell="${next.row}-${next.hour}"]`)?.focus();
  };
  const onPointer = (event: PointerEvent): void => {
    const [row, hour] = (event.target as HTMLElement).dataset.cell?.split('-').map(Number) ?? [];
    if (row === undefined || hour === undefined) return;
    if (event.type === 'pointerdown') begin({ row, hour });
    else if (event.buttons === 1 && stroke.current !== undefined) extend({ row, hour });
  };
  const end = (): void => {
    stroke.current = undefined;
  };
  return (
    <div className="week">
      <fieldset className="actions" aria-label={words.presets}>
        {PRESETS.map((preset) => (
          <button key={preset} type="button" className="button" onClick={() => onChange(presetGrid(preset))}>
            {words[preset]}
          </button>
        ))}
      </fieldset>
      <p className="hint" id="week-hint">
        {words.hint}
      </p>
      <div className="week-scroll">
        <table
          ref={table}
          // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: ARIA's own pattern: its cells are gridcells then.
          role="grid"
          aria-label={words.label}
          aria-describedby="week-hint"
          aria-multiselectable="true"
          onKeyDown={onKeyDown}
          onPointerDown={onPointer}
          onPointerOver={onPointer}
          onPointerUp={end}
          onPointerLeave={end}
        >
          <thead>
            <tr>
              <td />
              {HOUR_NUMBERS.map((hour) => (
                <th key={hour} scope="col">
                  <span aria-hidden={hour % 3 !== 0}>{hour % 3 === 0 ? hour : ''}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {DAY_ROWS.map((day, row) => (
              <tr key={day}>
                <th scope="row">{words.days[day]}</th>
                {HOUR_NUMBERS.map((hour) => (
                  // biome-ignore lint/a11y/useAriaPropsSupportedByRole: a cell of a grid can be selected.
                  <td
                    key={hour}
                    data-cell={`${row}-${hour}`}
                    tabIndex={at.row === row && at.hour === hour ? 0 : -1}
                    aria-selected={grid[cellIndex({ row, hour })] ?? false}
                    aria-label={words.cell(words.days[day] ?? '', hour)}
                  />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}
