import { EVERY_HOUR, type WeekGrid } from '../../../shared/preferences/week-grid.ts';

export const HOURS = 24;
/** Rows from top to bottom, as the grid counts days: weeks begin on Monday here. */
export const DAY_ROWS = [1, 2, 3, 4, 5, 6, 0] as const;

/** A square of the grid as a person sees it: `row` from Monday, `hour` from midnight. */
export type Cell = { row: number; hour: number };
export type Preset = 'always' | 'nights' | 'never';

export function cellIndex({ row, hour }: Cell): number {
  return (DAY_ROWS[row] ?? 0) * HOURS + hour;
}

/** Paints the whole block between two squares. Pure. */
export function painted(grid: WeekGrid, from: Cell, to: Cell, isOpen: boolean): WeekGrid {
  const [top, bottom] = [Math.min(from.row, to.row), Math.max(from.row, to.row)];
  const [first, last] = [Math.min(from.hour, to.hour), Math.max(from.hour, to.hour)];
  const next = [...grid];
  for (let row = top; row <= bottom; row++) {
    for (let hour = first; hour <= last; hour++) next[cellIndex({ row, hour })] = isOpen;
  }
  return next;
}

/** Where a key leads; undefined for a key that leads nowhere. */
export function moved({ row, hour }: Cell, key: string): Cell | undefined {
  switch (key) {
    case 'ArrowUp':
      return { row: Math.max(0, row - 1), hour };
    case 'ArrowDown':
      return { row: Math.min(DAY_ROWS.length - 1, row + 1), hour };
    case 'ArrowLeft':
      return { row, hour: Math.max(0, hour - 1) };
    case 'ArrowRight':
      return { row, hour: Math.min(HOURS - 1, hour + 1) };
    case 'Home':
      return { row, hour: 0 };
    case 'End':
      return { row, hour: HOURS - 1 };
    default:
      return undefined;
  }
}

const EVENING = 20;
const MORNING = 8;

export function presetGrid(preset: Preset): WeekGrid {
  return EVERY_HOUR.map((_, index) => {
    if (preset !== 'nights') return preset === 'always';
    const day = Math.floor(index / HOURS);
    const hour = index % HOURS;
    return day === 0 || day === 6 || hour >= EVENING || hour < MORNING;
  });
}
