import { useEffect, useRef, useState } from 'react';
import uPlot from 'uplot';
import { Table } from '../parts.tsx';
import type { Show } from '../shown.ts';
import { useSpeech } from '../speech.ts';
import type { Texts } from '../texts/texts.ts';
import { SECONDS_OF, timeOf, type UsageTable, type UsageUnit } from './usage-table.ts';

const LEAST_SHOWN: Readonly<Record<UsageUnit, number>> = { day: 6, hour: 23 };
const STEPS: Readonly<Record<UsageUnit, readonly number[]>> = { day: [1, 2, 7], hour: [3, 6, 12] };
const BAR_PX = 28;
/** What drawings are made for: the size of text that browsers have unless their person chose another. */
const USUAL_TEXT_PX = 16;
const WHOLE_STEPS = Array.from({ length: 12 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();

type Words = Texts['overview'];
/** What a series is called; `undefined` is that of all others. */
type LabelOf = (id: string | undefined) => string;
type Bars = { label: string; color: string; values: readonly number[] };
type ChartProps = { title: string; table: UsageTable; bars: readonly Bars[] };

/** Jobs and tokens of each day or hour, as bars, and as a table for who cannot see them. */
export function UsageCharts({ table, nameOf }: { table: UsageTable; nameOf(id: string): string }) {
  const words = useSpeech().texts.overview;
  const { unit, group } = table;
  const label: LabelOf = (id) => (id === undefined ? words.others : id === '' ? words.noneOf : nameOf(id));
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <div className="charts">
        <Chart title={words.jobsBy[unit]} table={table} bars={jobBars(table, label, words)} />
        <Chart title={words.tokensBy[unit]} table={table} bars={tokenBars(table, label, words)} />
      </div>
      {group !== undefined && <Legend table={table} label={label} />}
      <details onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
        <summary>{words.asTable}</summary>
        {/* A month of many nodes is thousands of rows, each drawn again with every job that ends. */}
        {isOpen && <Rows table={table} label={label} />}
      </details>
    </>
  );
}

function Rows({ table, label }: { table: UsageTable; label: LabelOf }) {
  const { texts, show } = useSpeech();
  const words = texts.overview;
  const { unit, group, rows } = table;
  return (
    <Table label={words.usage[unit]} heads={headsOf(table, words)}>
      {rows.map((row) => (
        <tr key={`${timeOf(row)} ${group === undefined ? '' : row[group]}`}>
          <th scope="row">{row.hour?.replace('T', ' ') ?? row.day}</th>
          {group !== undefined && <td className="code">{label(row[group] ?? '')}</td>}
          <td className="number">{show.count(row.jobs)}</td>
          <td className="number">{show.count(row.failed)}</td>
          <td className="number">{show.count(row.input_tokens)}</td>
          <td className="number">{show.count(row.output_tokens)}</td>
        </tr>
      ))}
    </Table>
  );
}

function headsOf({ unit, group }: UsageTable, words: Words): string[] {
  const counts = [words.jobs, words.failed, words.inputTokens, words.outputTokens];
  return [words.units[unit], ...(group === undefined ? [] : [words.groups[group]]), ...counts];
}

function jobBars(table: UsageTable, label: LabelOf, words: Words): Bars[] {
  if (table.group !== undefined) return stacked(table, 'jobs', label);
  return table.groups.flatMap(({ jobs, failed }) => [
    { label: words.jobs, color: '--accent', values: jobs },
    { label: words.failed, color: '--danger', values: failed },
  ]);
}

function tokenBars(table: UsageTable, label: LabelOf, words: Words): Bars[] {
  if (table.group !== undefined) return stacked(table, 'tokens', label);
  return table.groups.map(({ tokens }) => ({ label: words.tokens, color: '--accent', values: tokens }));
}

/** One upon the other. The highest are drawn first, and the others in front of them. */
function stacked(table: UsageTable, of: 'jobs' | 'tokens', label: LabelOf): Bars[] {
  let below = table.times.map(() => 0);
  const bars = table.groups.map((series, at) => {
    below = below.map((height, time) => height + (series[of][time] ?? 0));
    return { label: label(series.id), color: colorOf(at), values: below };
  });
  return bars.reverse();
}

function Legend({ table, label }: { table: UsageTable; label: LabelOf }) {
  const { texts, show } = useSpeech();
  const words = texts.overview;
  const total = (values: readonly number[]): string => show.compact(values.reduce((sum, value) => sum + value, 0));
  return (
    <ul className="legend">
      {table.groups.map((series, at) => (
        <li key={series.id ?? 'others'}>
          <span className="legend-mark" data-series={at + 1} aria-hidden="true" />
          <span className="code">{label(series.id)}</span>{' '}
          <span className="quiet">{words.usedBy(total(series.jobs), total(series.tokens))}</span>
        </li>
      ))}
    </ul>
  );
}

function colorOf(at: number): string {
  return `--series-${at + 1}`;
}

function Chart({ title, table, bars }: ChartProps) {
  const { texts, show } = useSpeech();
  const words = texts.overview;
  const place = useRef<HTMLDivElement>(null);
  const drawn = JSON.stringify([table.unit, table.times, bars]);
  useEffect(() => {
    const { current } = place;
    if (current === null) return;
    const [unit, times, all] = JSON.parse(drawn) as [UsageUnit, number[], Bars[]];
    let plot = draw(current, { unit, times, bars: all }, show);
    const again = (): void => {
      plot.destroy();
      plot = draw(current, { unit, times, bars: all }, show);
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
  }, [drawn, show]);
  const total = bars[0]?.values.reduce((sum, value) => sum + value, 0) ?? 0;
  return (
    <figure>
      <figcaption>
        {title} <span className="quiet">{words.inAll(show.compact(total))}</span>
      </figcaption>
      <div
        ref={place}
        className="chart"
        role="img"
        aria-label={words.chartLabel(title, table.times.length, table.unit)}
      />
    </figure>
  );
}

type Drawing = { unit: UsageUnit; times: number[]; bars: Bars[] };

/** What a rem is now. */
function textSizePx(): number {
  return Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
}

function draw(place: HTMLElement, { unit, times, bars }: Drawing, show: Show): uPlot {
  const labels = axisLabels(show);
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
          values: (_plot, splits) => splits.map(labels[unit]),
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
          values: (_plot, splits) => splits.map(show.compact),
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

/** Midnight is told as the day that it begins. */
function axisLabels({ dayUtc, hourUtc }: Show): Readonly<Record<UsageUnit, (at: number) => string>> {
  return { day: dayUtc, hour: (at) => (at % SECONDS_OF.day === 0 ? dayUtc(at) : hourUtc(at)) };
}
