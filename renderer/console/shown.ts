/** How numbers and times are written; what is not known is a dash. */
const DASH = '—';
const COUNT = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const COMPACT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const MOMENT = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'short' });
const SPANS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
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
  const [unit, ms] = SPANS.find(([, span]) => Math.abs(elapsed) >= span) ?? ['second', 1_000];
  return RELATIVE.format(Math.round(elapsed / ms), unit);
}

export function shownDuration(ms: number | null | undefined): string {
  if (ms == null) return DASH;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${COUNT.format(ms / 1_000)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1_000)} s`;
}

export function shownBytes(bytes: number | null | undefined): string {
  if (bytes == null) return DASH;
  const step = bytes < 1 ? 0 : Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${COUNT.format(bytes / 1_000 ** step)} ${BYTE_UNITS[step]}`;
}

export function shownText(text: string | null | undefined): string {
  return text == null || text === '' ? DASH : text;
}
