import type { Leaf } from './terms.ts';

/** Which numbers are wanted. Bounds as JSON Schema has them; `null` stands for none. */
export type NumberBounds = {
  readonly integer: boolean;
  readonly minimum: number | null;
  readonly maximum: number | null;
  readonly exclusiveMinimum: number | null;
  readonly exclusiveMaximum: number | null;
  /** Whole, and then only whole numbers come out. */
  readonly multipleOf: number | null;
};

/**
 * Doubles tell any two decimals of this many digits apart, so that what is right as text is right when it was parsed,
 * and bounds are kept to the letter.
 */
const DIGITS = 15;
/** Values are kept as whole multiples of 10^-15. */
const ONE = 10n ** BigInt(DIGITS);
const LARGEST = ONE * ONE - 1n;

/** The numbers that may come, as multiples of `step` from `lowest` to `highest`. */
type Wanted = { readonly key: string; lowest: bigint; highest: bigint; step: bigint; whole: boolean };

/** What has been written of a number. `value` is its digits as a whole number, without sign and point. */
type Written = { negative: boolean; value: bigint; wholeDigits: number; point: boolean; decimals: number };

/**
 * Numbers within bounds, digit by digit: a digit may come when some number within the bounds begins so. They are
 * written plainly, with at most 15 digits and no exponent; minus zero is left out.
 */
export function numberWithin(bounds: NumberBounds): Leaf {
  const whole = bounds.integer || bounds.multipleOf !== null;
  const step = bounds.multipleOf === null ? (whole ? ONE : 1n) : BigInt(bounds.multipleOf) * ONE;
  const lowest = highestOf([
    -LARGEST,
    bounds.minimum === null ? null : scaled(bounds.minimum, 'up'),
    bounds.exclusiveMinimum === null ? null : above(bounds.exclusiveMinimum),
  ]);
  const highest = -highestOf([
    -LARGEST,
    bounds.maximum === null ? null : -scaled(bounds.maximum, 'down'),
    bounds.exclusiveMaximum === null ? null : above(-bounds.exclusiveMaximum),
  ]);
  const wanted = { key: `${lowest},${highest},${step}`, lowest, highest, step, whole };
  return leafOf(wanted, null);
}

function leafOf(wanted: Wanted, written: Written | null): Leaf {
  const key = written === null ? '' : `${written.negative ? '-' : ''}${written.value},${shapeOf(written)}`;
  const shortest = shortestCompletion(wanted, written);
  return {
    key: `number ${wanted.key} ${key}`,
    nullable: shortest === 0,
    cost: shortest,
    next: (terms) =>
      bytesAfter(written).flatMap(([byte, then]) => {
        const leaf = leafOf(wanted, then);
        return leaf.cost === Number.POSITIVE_INFINITY ? [] : [[byte, terms.leaf(leaf)] as [number, typeof terms.empty]];
      }),
  };
}

const shapeOf = ({ wholeDigits, point, decimals }: Written): string => `${wholeDigits}${point ? '.' : ''}${decimals}`;

const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;

function bytesAfter(written: Written | null): [number, Written][] {
  const start = written ?? { negative: false, value: 0n, wholeDigits: 0, point: false, decimals: 0 };
  const result: [number, Written][] = [];
  if (written === null) result.push([MINUS, { ...start, negative: true }]);
  const isLeadingZero = start.wholeDigits === 1 && start.value === 0n && !start.point;
  if (start.wholeDigits > 0 && !start.point) result.push([POINT, { ...start, point: true }]);
  if (isLeadingZero || start.wholeDigits + start.decimals >= DIGITS) return result;
  for (let digit = 0; digit < 10; digit++) {
    const value = start.value * 10n + BigInt(digit);
    const longer = start.point ? { decimals: start.decimals + 1 } : { wholeDigits: start.wholeDigits + 1 };
    result.push([ZERO + digit, { ...start, ...longer, value }]);
  }
  return result;
}

/** How many more bytes the shortest number within the bounds needs; infinite when none begins so. */
function shortestCompletion(wanted: Wanted, written: Written | null): number {
  if (written === null) {
    const start = { value: 0n, wholeDigits: 0, point: false, decimals: 0 };
    return Math.min(
      shortestCompletion(wanted, { ...start, negative: false }),
      1 + shortestCompletion(wanted, { ...start, negative: true }),
    );
  }
  const { wholeDigits, point, decimals } = written;
  const room = DIGITS - wholeDigits - decimals;
  const isLeadingZero = wholeDigits === 1 && written.value === 0n;
  let shortest = Number.POSITIVE_INFINITY;
  if (point) {
    for (let more = decimals === 0 ? 1 : 0; more <= room && more < shortest; more++) {
      if (reaches(wanted, written, 0, more)) shortest = more;
    }
    return shortest;
  }
  for (let more = wholeDigits === 0 ? 1 : 0; more <= room && more < shortest; more++) {
    if (isLeadingZero && more > 0) break;
    if (reaches(wanted, written, more, 0)) shortest = more;
  }
  if (wanted.whole) return shortest;
  for (let whole = wholeDigits === 0 ? 1 : 0; whole <= room; whole++) {
    if (isLeadingZero && whole > 0) break;
    for (let more = 1; whole + more <= room && whole + 1 + more < shortest; more++) {
      if (reaches(wanted, written, whole, more)) shortest = whole + 1 + more;
    }
  }
  return shortest;
}

/** Whether a number within the bounds has exactly so many more digits before and after the point. */
function reaches(wanted: Wanted, written: Written, whole: number, decimals: number): boolean {
  if (wanted.whole && (written.point || decimals > 0)) return false;
  const more = 10n ** BigInt(whole + decimals);
  const unit = ONE / 10n ** BigInt(written.decimals + decimals);
  // A number of several digits does not begin with zero; alone it may be zero, but not minus zero.
  const isFirst = written.wholeDigits === 0;
  const from = isFirst && whole > 1 ? (10n ** BigInt(whole - 1) * more) / 10n ** BigInt(whole) : written.value * more;
  const to = (written.value + 1n) * more - 1n;
  const smallest = written.negative && from === 0n ? 1n : from;
  const step = leastCommonMultiple(unit, wanted.step);
  const [low, high] = written.negative ? [-to * unit, -smallest * unit] : [smallest * unit, to * unit];
  return hasMultiple(low > wanted.lowest ? low : wanted.lowest, high < wanted.highest ? high : wanted.highest, step);
}

function hasMultiple(low: bigint, high: bigint, step: bigint): boolean {
  const quotient = low / step;
  const next = (quotient * step < low ? quotient + 1n : quotient) * step;
  return next <= high;
}

function leastCommonMultiple(left: bigint, right: bigint): bigint {
  let [a, b] = [left, right];
  while (b > 0n) [a, b] = [b, a % b];
  return (left / a) * right;
}

function highestOf(values: readonly (bigint | null)[]): bigint {
  return values.reduce<bigint>((most, value) => (value !== null && value > most ? value : most), -LARGEST);
}

/** The smallest multiple of 10^-15 that is greater than `value`. */
function above(value: number): bigint {
  return scaled(value, 'down') + 1n;
}

/** `value * 10^15`, rounded where it has more decimals. */
function scaled(value: number, direction: 'up' | 'down'): bigint {
  const [, sign = '', whole = '0', decimals = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/.exec(String(value)) ?? [];
  const shift = DIGITS - decimals.length + Number(exponent);
  const digits = BigInt(`${sign}${whole}${decimals}`);
  if (shift >= 0) return digits * 10n ** BigInt(Math.min(shift, 400));
  const divisor = 10n ** BigInt(-shift);
  const quotient = digits / divisor;
  if (quotient * divisor === digits) return quotient;
  if (direction === 'up') return digits > 0n ? quotient + 1n : quotient;
  return digits < 0n ? quotient - 1n : quotient;
}
