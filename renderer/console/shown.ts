import type { Locale } from '../language/locales.ts';

/** How a language writes numbers and times; what is not known is a dash. */
export type Show = ReturnType<typeof showIn>;

const DASH = '—';
const MICRO = 1_000_000;
/** From when on each is told: what would be rounded up to the sixtieth minute is an hour. */
const SPANS = [
  ['day', 86_400_000, 84_600_000],
  ['hour', 3_600_000, 3_570_000],
  ['minute', 60_000, 59_500],
  ['second', 1_000, 0],
] as const;
const BYTE_UNITS: Readonly<Record<Locale, readonly string[]>> = {
  en: ['B', 'kB', 'MB', 'GB', 'TB'],
  fr: ['o', 'ko', 'Mo', 'Go', 'To'],
};
/** English as it is written outside of America: the day comes first. */
const DATES: Readonly<Record<Locale, string>> = { en: 'en-GB', fr: 'fr' };

/** Formatters are dear to make and cheap to use; one set per language lasts. */
export function showIn(locale: Locale) {
  const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
  const compact = new Intl.NumberFormat(locale, { notation: 'compact', maximumFractionDigits: 1 });
  const moment = new Intl.DateTimeFormat(DATES[locale], { dateStyle: 'medium', timeStyle: 'medium' });
  const credits = new Intl.NumberFormat(locale, { maximumFractionDigits: 6 });
  const dayUtc = new Intl.DateTimeFormat(DATES[locale], { day: 'numeric', month: 'short', timeZone: 'UTC' });
  const hourUtc = new Intl.DateTimeFormat(DATES[locale], { hour: '2-digit', minute: '2-digit', timeZone: 'UTC' });
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'short' });

  /** `5 min. ago`, `in 2 hr.` */
  const ago = (at: number | null | undefined, now: number): string => {
    if (at == null) return DASH;
    const elapsed = at - now;
    const [unit, ms] = SPANS.find(([, , from]) => Math.abs(elapsed) >= from) ?? ['second', 1_000];
    return relative.format(Math.round(elapsed / ms), unit);
  };
  return {
    count: (count: number | null | undefined): string => (count == null ? DASH : whole.format(count)),
    /** `12.3K`, for where there is little room. */
    compact: (count: number | null | undefined): string => (count == null ? DASH : compact.format(count)),
    moment: (at: number | null | undefined): string => (at == null ? DASH : moment.format(at)),
    ago,
    /** The same of what is over: the page's clock ticks seldom, and the relay's may be ahead of it. */
    since: (at: number | null | undefined, now: number): string => ago(at, Math.max(now, at ?? now)),
    duration: (ms: number | null | undefined): string => {
      if (ms == null) return DASH;
      if (ms < 999.5) return `${Math.round(ms)} ms`;
      if (ms < 59_950) return `${whole.format(ms / 1_000)} s`;
      const seconds = Math.round(ms / 1_000);
      const minutes = Math.floor(seconds / 60);
      return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
    },
    bytes: (bytes: number | null | undefined): string => {
      if (bytes == null) return DASH;
      const units = BYTE_UNITS[locale];
      // What would be rounded up to a thousand is one of the next unit.
      const step = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes * 1.000_05) / 3));
      return `${whole.format(bytes / 1_000 ** step)} ${units[step]}`;
    },
    /** To the millionth, in which they are counted. */
    credits: (micro: number): string => credits.format(micro / MICRO),
    /** Of seconds since 1970, as the relay counts its days and hours. */
    dayUtc: (at: number): string => dayUtc.format(at * 1_000),
    hourUtc: (at: number): string => hourUtc.format(at * 1_000),
    text: (text: string | null | undefined): string => (text == null || text === '' ? DASH : text),
  };
}
