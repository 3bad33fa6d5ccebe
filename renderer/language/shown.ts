import type { Locale } from './locales.ts';

/** How a language writes numbers, sizes and times. */
export type Shown = ReturnType<typeof shownIn>;

const BYTE_UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

/** Formatters are dear to make and cheap to use; one set per language lasts. */
export function shownIn(locale: Locale) {
  const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  const fine = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
  // As `reasonLine` writes it, in the tray and beside what this is written in.
  const time = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const moment = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' });
  const day = new Intl.DateTimeFormat(locale, { weekday: 'short', day: 'numeric', month: 'short' });
  const sizes = BYTE_UNITS.map((unit) => {
    // The short form of a byte knows no plural.
    const unitDisplay = unit === 'byte' ? 'long' : 'short';
    return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay, maximumFractionDigits: 1 });
  });
  return {
    number: (value: number): string => whole.format(value),
    fine: (value: number): string => fine.format(value),
    time: (at: number): string => time.format(at),
    moment: (at: number): string => moment.format(at),
    day: (at: number): string => day.format(at),
    /** No unit of `Intl`. */
    wattHours: (value: number): string =>
      value < 1_000 ? `${fine.format(value)}\u00a0Wh` : `${fine.format(value / 1_000)}\u00a0kWh`,
    bytes: (value: number): string => {
      // What would be rounded up to a thousand is one of the next unit.
      const power = value < 1 ? 0 : Math.min(Math.floor(Math.log10(value * 1.000_05) / 3), BYTE_UNITS.length - 1);
      return (sizes[power] ?? fine).format(value / 1_000 ** power);
    },
  };
}
