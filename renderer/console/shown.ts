/** How numbers and times are written; what is not known is a dash. */
const DASH = '—';
const COUNT = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const COMPACT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const MOMENT = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'short' });
/** From when on each is told: what would be rounded up to the sixtieth minute is an hour. */
const SPANS = [
  ['day', 86_400_000, 84_600_000],
  ['hour', 3_600_000, 3_570_000],
  ['minute', 60_000, 59_500],
  ['second', 1_000, 0],
] as const;
const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

export function shownCount(count: number | null | undefined): string {
  return count == null ? DASH : COUNT.format(count);
}

/** `12.3K`, for where there is little room. */
export function shownCompact(count: number | null | undefined): string {
  return count == null ? DASH : COMPACT.format(count);
}

export function shownMoment(at: number | null | undefined): string {
  return at == null ? DASH : MOMENT.format(at);
}

/** `5 min. ago`, `in 2 hr.` */
export function shownAgo(at: number | null | undefined, now: number): string {
  if (at == null) return DASH;
  const elapsed = at - now;
  const [unit, ms] = SPANS.find(([, , from]) => Math.abs(elapsed) >= from) ?? ['second', 1_000];
  return RELATIVE.format(Math.round(elapsed / ms), unit);
}

/** The same of what is over: the page's clock ticks seldom, and the relay's may be ahead of it. */
export function shownSince(at: number | null | undefined, now: number): string {
  return shownAgo(at, Math.max(now, at ?? now));
}

export function shownDuration(ms: number | null | undefined): string {
  if (ms == null) return DASH;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${COUNT.format(ms / 1_000)} s`;
  const seconds = Math.round(ms / 1_000);
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function shownBytes(bytes: number | null | undefined): string {
  if (bytes == null) return DASH;
  // What would be rounded up to a thousand is one of the next unit.
  const step = bytes < 1 ? 0 : Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log10(bytes * 1.000_05) / 3));
  return `${COUNT.format(bytes / 1_000 ** step)} ${BYTE_UNITS[step]}`;
}

export function shownText(text: string | null | undefined): string {
  return text == null || text === '' ? DASH : text;
}
