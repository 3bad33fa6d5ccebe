import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import type { UsageRow } from '../../shared/api/usage.ts';
import { Table } from './parts.tsx';
import { shownCompact, shownCount } from './shown.ts';
import { STRINGS } from './strings.ts';

const TEXT = STRINGS.overview;
const DAY_S = 86_400;
const HEIGHT_PX = 180;
const BAR_PX = 28;
const WHOLE_STEPS = Array.from({ length: 12 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();

type Series = { label: string; color: string; values: number[] };

/** Jobs and tokens of each day, as bars, and as a table for who cannot see them. */
export function UsageCharts({ rows }: { rows: readonly UsageRow[] }) {
  const days = rows.map(({ day }) => Date.parse(day ?? '') / 1_000);
  const jobs = { label: TEXT.jobs, color: '--accent', values: rows.map((row) => row.jobs) };
  const failed = { label: TEXT.failed, color: '--danger', values: rows.map((row) => row.failed) };
  const tokens = {
    label: TEXT.tokens,
    color: '--accent',
    values: rows.map((row) => row.input_tokens + row.output_tokens),
  };
  return (
    <>
      <div className="charts">
        <Chart title={TEXT.jobsByDay} days={days} series={[jobs, failed]} />
        <Chart title={TEXT.tokensByDay} days={days} series={[tokens]} />
      </div>
      <details>
        <summary>{TEXT.asTable}</summary>
        <Table label={TEXT.usage} heads={[TEXT.day, TEXT.jobs, TEXT.failed, TEXT.inputTokens, TEXT.outputTokens]}>
          {rows.map((row) => (
            <tr key={row.day}>
              <th scope="row">{row.day}</th>
              <td className="number">{shownCount(row.jobs)}</td>
              <td className="number">{shownCount(row.failed)}</td>
              <td className="number">{shownCount(row.input_tokens)}</td>
              <td className="number">{shownCount(row.output_tokens)}</td>
            </tr>
          ))}
        </Table>
      </details>
    </>
  );
}

function Chart({ title, days, series }: { title: string; days: number[]; series: Series[] }) {
  const place = useRef<HTMLDivElement>(null);
  const drawn = JSON.stringify([days, series]);
  useEffect(() => {
    const { current } = place;
    if (current === null) return;
    const [allDays, all] = JSON.parse(drawn) as [number[], Series[]];
    let plot = draw(current, allDays, all);
    const again = (): void => {
      plot.destroy();
      plot = draw(current, allDays, all);
    };
    // A canvas does not hear of another theme, or of room that was won.
    const themes = ['(prefers-color-scheme: dark)', '(forced-colors: active)'].map((query) => matchMedia(query));
    for (const theme of themes) theme.addEventListener('change', again);
    const size = new ResizeObserver(() => plot.setSize({ width: current.clientWidth, height: HEIGHT_PX }));
    size.observe(current);
    return () => {
      size.disconnect();
      for (const theme of themes) theme.removeEventListener('change', again);
      plot.destroy();
    };
  }, [drawn]);
  const total = series[0]?.values.reduce((sum, value) => sum + value, 0) ?? 0;
  return (
    <figure>
      <figcaption>
        {title} <span className="quiet">{TEXT.inAll(shownCompact(total))}</span>
      </figcaption>
      <div ref={place} className="chart" role="img" aria-label={TEXT.chartLabel(title, days.length)} />
    </figure>
  );
}

function draw(place: HTMLElement, days: number[], series: Series[]): uPlot {
  const color = (name: string): string => getComputedStyle(place).getPropertyValue(name).trim() || 'CanvasText';
  const resolved = (name: string): string => resolveColor(place, color(name));
  const bars = uPlot.paths.bars?.({ size: [0.7, BAR_PX] });
  const axis = {
    stroke: resolved('--ink-quiet'),
    grid: { stroke: resolved('--line'), width: 1 },
    ticks: { show: false },
  };
  const first = days[0] ?? 0;
  const last = days.at(-1) ?? first;
  return new uPlot(
    {
      width: place.clientWidth,
      height: HEIGHT_PX,
      legend: { show: false },
      cursor: { show: false },
      // A week at least, so that the bar of a first day does not fill the whole chart.
      scales: {
        x: { time: true, range: () => [Math.min(first, last - 6 * DAY_S) - DAY_S / 2, last + DAY_S / 2] },
        y: { range: (_plot, _min, max) => [0, Math.max(1, max * 1.1)] },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          values: (_plot, splits) => splits.map(dayLabel),
          incrs: [1, 2, 7].map((n) => n * DAY_S),
          size: 30,
        },
        {
          ...axis,
          size: 48,
          // Nothing that is counted here comes in parts.
          incrs: WHOLE_STEPS,
          values: (_plot, splits) => splits.map(shownCompact),
        },
      ],
      tzDate: (at) => uPlot.tzDate(new Date(at * 1_000), 'Etc/UTC'),
      series: [
        {},
        ...series.map(({ label, color: name }) => ({
          label,
          fill: resolved(name),
          stroke: resolved(name),
          width: 0,
          points: { show: false },
          ...(bars === undefined ? {} : { paths: bars }),
        })),
      ],
    },
    [days, ...series.map(({ values }) => values)],
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

function dayLabel(at: number): string {
  return DAY.format(at * 1_000);
}
