import { parseWeeklyHours } from '../policy/weekly-hours.ts';

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
const HOURS_OF_DAY = 24;
const CELLS = DAYS.length * HOURS_OF_DAY;
const MINUTES_OF_HOUR = 60;

/** The week as it is painted: 168 hours from Sunday 00:00, true where the machine works. */
export type WeekGrid = readonly boolean[];

/** The whole week, which is what no schedule means. */
export const EVERY_HOUR: WeekGrid = Array.from({ length: CELLS }, () => true);

/** The grid of a schedule. An hour that is open in part is painted; `isExact` says whether there is one. */
export function gridOfHours(hours: readonly string[] | undefined): { grid: WeekGrid; isExact: boolean } {
  if (hours === undefined) return { grid: EVERY_HOUR, isExact: true };
  // A clock on which a millisecond is a minute of the week.
  const week = parseWeeklyHours(hours, (minute) => minute);
  const open = EVERY_HOUR.map((_, cell) => {
    let minutes = 0;
    for (let minute = 0; minute < MINUTES_OF_HOUR; minute++) {
      if (week.isOpen(cell * MINUTES_OF_HOUR + minute)) minutes += 1;
    }
    return minutes;
  });
  return {
    grid: open.map((minutes) => minutes > 0),
    isExact: open.every((minutes) => minutes % MINUTES_OF_HOUR === 0),
  };
}

/** The schedule of a grid, day by day; undefined when every hour is painted. Throws a `RangeError` for another size. */
export function hoursOfGrid(grid: WeekGrid): string[] | undefined {
  if (grid.length !== CELLS) throw new RangeError(`A week has ${CELLS} hours, and this grid has ${grid.length}.`);
  if (grid.every(Boolean)) return undefined;
  return DAYS.flatMap((day, index) => {
    const cells = grid.slice(index * HOURS_OF_DAY, (index + 1) * HOURS_OF_DAY);
    return spansOf(cells).map(([from, to]) => `${day} ${clock(from)}-${clock(to)}`);
  });
}

function spansOf(cells: WeekGrid): [number, number][] {
  const spans: [number, number][] = [];
  cells.forEach((isOpen, hour) => {
    const last = spans.at(-1);
    if (isOpen && last?.[1] === hour) last[1] = hour + 1;
    else if (isOpen) spans.push([hour, hour + 1]);
  });
  return spans;
}

function clock(hour: number): string {
  return `${String(hour).padStart(2, '0')}:00`;
}
