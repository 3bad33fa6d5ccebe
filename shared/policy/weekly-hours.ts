const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
const DAY = `(?:${DAYS.join('|')})`;
const TIME = '(?:[01][0-9]|2[0-3]):[0-5][0-9]';

/** `mon-fri 18:00-08:00`, `sat,sun 00:00-24:00`: what begins on the days named, also when it ends on the day after. */
export const HOURS_PATTERN = `^${DAY}(?:-${DAY})?(?:,${DAY}(?:-${DAY})?)* ${TIME}-(?:${TIME}|24:00)$`;

const MINUTES_OF_DAY = 24 * 60;
const MINUTES_OF_WEEK = 7 * MINUTES_OF_DAY;
const MINUTE_MS = 60_000;

/** A moment on the clock of a wall: 0 is Sunday 00:00, 10,079 is Saturday 23:59. */
export type MinuteOfWeek = number;
/** Reads the wall's clock, which daylight saving time sets forward and back. */
export type WallClock = (at: number) => MinuteOfWeek;

export type WeeklyHours = {
  isOpen(at: number): boolean;
  /** When that is no longer so, to the minute; null when it always is. */
  changesAt(at: number): number | null;
  /** What the wall shows at that moment, such as `Mon 18:00`. */
  wallTime(at: number): string;
};

/** The clock of the machine this runs on. */
export function localWallClock(at: number): MinuteOfWeek {
  const date = new Date(at);
  return date.getDay() * MINUTES_OF_DAY + date.getHours() * 60 + date.getMinutes();
}

/** Reads lines that fit `HOURS_PATTERN`. Together they say when it is open; no line at all is never. */
export function parseWeeklyHours(lines: readonly string[], wall: WallClock = localWallClock): WeeklyHours {
  const open = new Uint8Array(MINUTES_OF_WEEK);
  for (const line of lines) paint(open, line);
  const neverChanges = open.every((minute) => minute === open[0]);
  const isOpen = (at: number): boolean => open[wall(at)] === 1;
  return {
    isOpen,
    changesAt: (at) => (neverChanges ? null : nextChange(open, at, wall)),
    wallTime: (at) => shown(wall(at)),
  };
}

function nextChange(open: Uint8Array, at: number, wall: WallClock): number {
  const from = wall(at);
  const minuteStart = at - (at % MINUTE_MS);
  let ahead = 1;
  while (open[(from + ahead) % MINUTES_OF_WEEK] === open[from]) ahead += 1;
  const next = minuteStart + ahead * MINUTE_MS;
  if (wall(next) === (from + ahead) % MINUTES_OF_WEEK) return next;
  // The wall was set on the way. Minute by minute: a week and a day hold every change.
  let minute = minuteStart;
  const last = minuteStart + (MINUTES_OF_WEEK + MINUTES_OF_DAY) * MINUTE_MS;
  do minute += MINUTE_MS;
  while (open[wall(minute)] === open[from] && minute < last);
  return minute;
}

function paint(open: Uint8Array, line: string): void {
  const [days = '', times = ''] = line.split(' ');
  const [from = 0, to = 0] = times.split('-').map(minuteOfDay);
  // Until the same time is a whole day.
  const length = to > from ? to - from : to - from + MINUTES_OF_DAY;
  for (const day of daysOf(days)) {
    for (let minute = 0; minute < length; minute++) {
      open[(day * MINUTES_OF_DAY + from + minute) % MINUTES_OF_WEEK] = 1;
    }
  }
}

function daysOf(text: string): number[] {
  return text.split(',').flatMap((part) => {
    const [first = -1, last = first] = part.split('-').map((name) => (DAYS as readonly string[]).indexOf(name));
    const count = ((last - first + 7) % 7) + 1;
    return Array.from({ length: count }, (_, index) => (first + index) % 7);
  });
}

function minuteOfDay(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return hours * 60 + minutes;
}

function shown(minute: MinuteOfWeek): string {
  const day = DAYS[Math.floor(minute / MINUTES_OF_DAY)] ?? 'sun';
  const two = (value: number): string => String(value).padStart(2, '0');
  const ofDay = minute % MINUTES_OF_DAY;
  return `${day.charAt(0).toUpperCase()}${day.slice(1)} ${two(Math.floor(ofDay / 60))}:${two(ofDay % 60)}`;
}
