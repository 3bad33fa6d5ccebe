import { useEffect, useRef, useState } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useSpeech } from '../locale.ts';

const HEIGHT_PX = 240;
/** A bar stands on the middle of its day. */
const HALF_DAY_S = 12 * 3_600;
/** Seven tenths of a day wide, and no wider than this many pixels. */
const BARS = uPlot.paths.bars?.({ size: [0.7, 48] });

export type DaysChartProps = { times: number[]; values: number[]; shape: 'bars' | 'curve'; caption: string };

/** Bars or a curve on a canvas, for eyes alone: the table below says the same in numbers. */
export function DaysChart({ times, values, shape, caption }: DaysChartProps) {
  const { show } = useSpeech();
  const box = useRef<HTMLDivElement>(null);
  const colours = useColourChanges();
  // biome-ignore lint/correctness/useExhaustiveDependencies: a canvas knows colours only when it is drawn.
  useEffect(() => {
    const { current } = box;
    if (current === null) return;
    const paint = paintOf(current);
    const axis = { stroke: paint.quiet, grid: { stroke: paint.line, width: 1 }, ticks: { show: false } };
    const plot = new uPlot(
      {
        width: current.clientWidth,
        height: HEIGHT_PX,
        padding: [8, 8, 0, 0],
        legend: { show: false },
        cursor: { show: false },
        scales: {
          x: { range: (_plot, first, last) => [first - HALF_DAY_S, last + HALF_DAY_S] },
          y: { range: (_plot, _low, high) => [0, Math.max(1, high * 1.05)] },
        },
        axes: [
          {
            ...axis,
            grid: { show: false },
            values: (_plot, at) => at.map((second) => show.day(second * 1_000)),
            space: 90,
            size: 32,
          },
          { ...axis, size: 64, values: (_plot, ticks) => ticks.map(show.fine) },
        ],
        series: [
          {},
          {
            label: caption,
            ...(shape === 'curve' ? { stroke: paint.accent, width: 2 } : { fill: paint.accent }),
            ...(shape === 'curve' || BARS === undefined ? {} : { paths: BARS }),
            points: { show: false },
          },
        ],
      },
      [times, values],
      current,
    );
    const observer = new ResizeObserver(() => plot.setSize({ width: current.clientWidth, height: HEIGHT_PX }));
    observer.observe(current);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [times, values, shape, caption, show, colours]);
  return (
    <figure className="card chart">
      <figcaption>{caption}</figcaption>
      <div ref={box} className="chart-box" aria-hidden="true">
        <span className="chart-accent" />
        <span className="chart-line" />
      </div>
    </figure>
  );
}

/** Colours of the theme are names; only elements that have them know what they are. */
function paintOf(box: HTMLElement): { accent: string; line: string; quiet: string } {
  const colour = (of: Element | null): string => getComputedStyle(of ?? box).color;
  return {
    accent: colour(box.querySelector('.chart-accent')),
    line: colour(box.querySelector('.chart-line')),
    quiet: colour(box),
  };
}

/** Moves on whenever the system, or the person, has chosen other colours. */
function useColourChanges(): number {
  const [changes, setChanges] = useState(0);
  useEffect(() => {
    const changed = (): void => setChanges((count) => count + 1);
    const queries = ['(prefers-color-scheme: dark)', '(forced-colors: active)'].map((query) => matchMedia(query));
    for (const query of queries) query.addEventListener('change', changed);
    const observer = new MutationObserver(changed);
    observer.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
    return () => {
      for (const query of queries) query.removeEventListener('change', changed);
      observer.disconnect();
    };
  }, []);
  return changes;
}
