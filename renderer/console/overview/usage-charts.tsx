import { useEffect, useRef, useState } from 'react';
import uPlot from 'uplot';
import { Table } from '../parts.tsx';
import { shownCompact, shownCount } from '../shown.ts';
import { STRINGS } from '../strings/strings.ts';
import { SECONDS_OF, timeOf, type UsageSeries, type UsageTable, type UsageUnit } from './usage-table.ts';

const TEXT = STRINGS.overview;
const LEAST_SHOWN: Readonly<Record<UsageUnit, number>> = { day: 6, hour: 23 };
const STEPS: Readonly<Record<UsageUnit, readonly number[]>> = { day: [1, 2, 7], hour: [3, 6, 12] };
const BAR_PX = 28;
/** What drawings are made for: the size of text that browsers have unless their person chose another. */
const USUAL_TEXT_PX = 16;
const WHOLE_STEPS = Array.from({ length: 12 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();

type Bars = { label: string; color: string; values: readonly number[] };
type ChartProps = { title: string; table: UsageTable; bars: readonly Bars[] };

/** Jobs and tokens of each day or hour, as bars, and as a table for who cannot see them. */
export function UsageCharts({ table, nameOf }: { table: UsageTable; nameOf(id: string): string }) {
  const { unit, group } = table;
  const label = (id: string): string => (id === '' ? TEXT.noneOf : nameOf(id));
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <div className="charts">
        <Chart title={TEXT.jobsBy[unit]} table={table} bars={jobBars(table, label)} />
        <Chart title={TEXT.tokensBy[unit]} table={table} bars={tokenBars(table, label)} />
      </div>
      {group !== undefined && <Legend table={table} label={label} />}
      <details onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
        <summary>{TEXT.asTable}</summary>
        {/* A month of many nodes is thousands of rows, each drawn again with every job that ends. */}
        {isOpen && <Rows table={table} label={label} />}
      </details>
    </>
  );
}

function Rows({ table, label }: { table: UsageTable; label(id: string): string }) {
  const { unit, group, rows } = table;
  return (
    <Table label={TEXT.usage[unit]} heads={headsOf(table)}>
      {rows.map((row) => (
        <tr key={`${timeOf(row)} ${group === undefined ? '' : row[group]}`}>
          <th scope="row">{row.hour?.replace('T', ' ') ?? row.day}</th>
          {group !== undefined && <td className="code">{label(row[group] ?? '')}</td>}
          <td className="number">{shownCount(row.jobs)}</td>
          <td className="number">{shownCount(row.failed)}</td>
          <td className="number">{shownCount(row.input_tokens)}</td>
          <td className="number">{shownCount(row.output_tokens)}</td>
        </tr>
      ))}
    </Table>
  );
}

function headsOf({ unit, group }: UsageTable): string[] {
  const counts = [TEXT.jobs, TEXT.failed, TEXT.inputTokens, TEXT.outputTokens];
  return [TEXT.units[unit], ...(group === undefined ? [] : [TEXT.groups[group]]), ...counts];
}

function jobBars(table: UsageTable, label: (id: string) => string): Bars[] {
  if (table.group !== undefined) return stacked(table, 'jobs', label);
  return table.groups.flatMap(({ jobs, failed }) => [
    { label: TEXT.jobs, color: '--accent', values: jobs },
    { label: TEXT.failed, color: '--danger', values: failed },
  ]);
}

function tokenBars(table: UsageTable, label: (id: string) => string): Bars[] {
  if (table.group !== undefined) return stacked(table, 'tokens', label);
  return table.groups.map(({ tokens }) => ({ label: TEXT.tokens, color: '--accent', values: tokens }));
}

/** One upon the other. The highest are drawn first, and the others in front of them. */
function stacked(table: UsageTable, of: 'jobs' | 'tokens', label: (id: string) => string): Bars[] {
  let below = table.times.map(() => 0);
  const bars = table.groups.map((series, at) => {
    below = below.map((height, time) => height + (series[of][time] ?? 0));
    return { label: nameOfSeries(series, label), color: colorOf(at), values: below };
  });
  return bars.reverse();
}

function Legend({ table, label }: { table: UsageTable; label(id: string): string }) {
  const total = (values: readonly number[]): string => shownCompact(values.reduce((sum, value) => sum + value, 0));
  return (
    <ul className="legend">
      {table.groups.map((series, at) => (
        <li key={series.id ?? 'others'}>
          <span className="legend-mark" data-series={at + 1} aria-hidden="true" />
          <span className="code">{nameOfSeries(series, label)}</span>{' '}
          <span className="quiet">{TEXT.usedBy(total(series.jobs), total(series.tokens))}</span>
        </li>
      ))}
    </ul>
  );
}

function nameOfSeries({ id }: UsageSeries, label: (id: string) => string): string {
  return id === undefined ? TEXT.others : label(id);
}

function colorOf(at: number): string {
  return `--series-${at + 1}`;
}

function Chart({ title, table, bars }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const drawn = JSON.stringify([table.unit, table.times, bars]);
  useEffect(() => {
    const { current } = place;
    if (current === null) return;
    const [unit, times, all] = JSON.parse(drawn) as [UsageUnit, number[], Bars[]];
    let plot = draw(current, { unit, times, bars: all });
    const again = (): void => {
      plot.destroy();
      plot = draw(current, { unit, times, bars: all });
    };
    // A canvas does not hear of another theme, or of room that was won.
    const themes = ['(prefers-color-scheme: dark)', '(forced-colors: active)'].map((query) => matchMedia(query));
    for (const theme of themes) theme.addEventListener('change', again);
    let textPx = textSizePx();
    // The place is as high as so many lines, so that it tells of another size of text, too.
    const size = new ResizeObserver(() => {
      if (textPx === textSizePx()) {
        plot.setSize({ width: current.clientWidth, height: current.clientHeight });
        return;
      }
      textPx = textSizePx();
      again();
    });
    size.observe(current);
    return () => {
      size.disconnect();
      for (const theme of themes) theme.removeEventListener('change', again);
      plot.destroy();
    };
  }, [drawn]);
  const total = bars[0]?.values.reduce((sum, value) => sum + value, 0) ?? 0;
  return (
    <figure>
      <figcaption>
        {title} <span className="quiet">{TEXT.inAll(shownCompact(total))}</span>
      </figcaption>
      <div
        ref={place}
        className="chart"
        role="img"
        aria-label={TEXT.chartLabel(title, table.times.length, TEXT.units[table.unit].toLowerCase())}
      />
    </figure>
  );
}

type Drawing = { unit: UsageUnit; times: number[]; bars: Bars[] };

/** What a rem is now. */
function textSizePx(): number {
  return Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
}

function draw(place: HTMLElement, { unit, times, bars }: Drawing): uPlot {
  const scale = textSizePx() / USUAL_TEXT_PX;
  const stepS = SECONDS_OF[unit];
  const color = (name: string): string => getComputedStyle(place).getPropertyValue(name).trim() || 'CanvasText';
  const resolved = (name: string): string => resolveColor(place, color(name));
  const paths = uPlot.paths.bars?.({ size: [0.7, BAR_PX] });
  const axis = {
    stroke: resolved('--ink-quiet'),
    grid: { stroke: resolved('--line'), width: 1 },
    ticks: { show: false },
    font: `${12 * scale}px ${getComputedStyle(place).fontFamily}`,
    gap: 5 * scale,
  };
  const first = times[0] ?? 0;
  const last = times.at(-1) ?? first;
  return new uPlot(
    {
      width: place.clientWidth,
      height: place.clientHeight,
      legend: { show: false },
      cursor: { show: false },
      // A week or a day at least, so that the bar of a first one does not fill the whole chart.
      scales: {
        x: {
          time: true,
          range: () => [Math.min(first, last - LEAST_SHOWN[unit] * stepS) - stepS / 2, last + stepS / 2],
        },
        y: { range: (_plot, _min, max) => [0, Math.max(1, max * 1.1)] },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          values: (_plot, splits) => splits.map(LABELS[unit]),
          incrs: STEPS[unit].map((n) => n * stepS),
          size: 30 * scale,
          space: 50 * scale,
        },
        {
          ...axis,
          size: 48 * scale,
          space: 30 * scale,
          // Nothing that is counted here comes in parts.
          incrs: WHOLE_STEPS,
          values: (_plot, splits) => splits.map(shownCompact),
        },
      ],
      tzDate: (at) => uPlot.tzDate(new Date(at * 1_000), 'Etc/UTC'),
      series: [
        {},
        ...bars.map(({ label, color: name }) => ({
          label,
          fill: resolved(name),
          stroke: resolved(name),
          width: 0,
          points: { show: false },
          ...(paths === undefined ? {} : { paths }),
        })),
      ],
    },
    [times, ...bars.map(({ values }) => [...values])],
    place,
  );
}

/** `light-dark()` is no color that a canvas knows; what it comes to is asked of the browser. */
function resolveColor(place: HTMLElement, color: string): string {
  const probe = document.createElement('span');
  probe.style.color = color;
  place.append(probe);
  const { color: resolved } = getComputedStyle(probe);
  probe.remove();
  return resolved;
}

const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });
const HOUR = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', timeZone: 'UTC' });
const dayLabel = (at: number): string => DAY.format(at * 1_000);
const hourLabel = (at: number): string => (at % SECONDS_OF.day === 0 ? dayLabel(at) : HOUR.format(at * 1_000));
const LABELS: Readonly<Record<UsageUnit, (at: number) => string>> = { day: dayLabel, hour: hourLabel };
