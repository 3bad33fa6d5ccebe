/** One measured figure: always a ratio or a difference of two sides measured in the same run. */
export type Figure = {
  figure: string;
  value: number;
  unit: string;
  /** What it should be, or null where the figure is only for orientation. */
  aim: string | null;
  met: boolean | null;
  /** What the figure was made of: medians of the sides, counts, models. */
  detail: Record<string, number | string>;
};

export type Aim = { atMost: number } | { atLeast: number };

export function figureOf(
  figure: string,
  value: number,
  unit: string,
  aim: Aim | null,
  detail: Figure['detail'],
): Figure {
  return {
    figure,
    value: rounded(value),
    unit,
    aim: aim && ('atMost' in aim ? `<= ${aim.atMost}` : `>= ${aim.atLeast}`),
    met: aim && ('atMost' in aim ? value <= aim.atMost : value >= aim.atLeast),
    detail: Object.fromEntries(Object.entries(detail).map(([name, of]) => [name, rounded(of)])),
  };
}

/** Three significant digits say all that a shared machine can. */
function rounded<T extends number | string>(value: T): T | number {
  return typeof value === 'number' ? Number(value.toPrecision(3)) : value;
}
