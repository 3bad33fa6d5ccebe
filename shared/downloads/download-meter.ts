import { createSteadyClock } from '../clock/steady-clock.ts';
import type { ModelDownload } from '../ipc/app-state.ts';

/** Of one file of a model. */
export type DownloadProgress = { model: string; file: string; loadedBytes: number; totalBytes: number | null };

export type DownloadMeter = {
  note(progress: DownloadProgress): void;
  /** Speed and time that is left by the last seconds; null where they do not say enough yet. */
  read(): Pick<ModelDownload, 'loadedBytes' | 'totalBytes' | 'bytesPerS' | 'etaS'>;
};

/** Long enough to even out a network, short enough to notice that it has become another. */
const WINDOW_MS = 8_000;
const LEAST_MS = 1_000;
const STEP_MS = 250;

/** Adds up the files of one model. `now` in milliseconds. */
export function createDownloadMeter(now: () => number): DownloadMeter {
  const steady = createSteadyClock(now);
  const files = new Map<string, { loaded: number; total: number | null }>();
  const samples: { at: number; loaded: number }[] = [];
  const loadedNow = (): number => [...files.values()].reduce((sum, { loaded }) => sum + loaded, 0);
  return {
    note: ({ file, loadedBytes, totalBytes }) => {
      const isNew = !files.has(file);
      files.set(file, { loaded: loadedBytes, total: totalBytes });
      const at = steady();
      // What of a file was on disk already has not been downloaded now.
      if (isNew) samples.length = 0;
      const last = samples.at(-1);
      if (last !== undefined && at - last.at < STEP_MS) return;
      samples.push({ at, loaded: loadedNow() });
      while ((samples[0]?.at ?? at) < at - WINDOW_MS) samples.shift();
    },
    read: () => {
      const loadedBytes = loadedNow();
      const totalBytes = totalOf(files);
      const [first] = samples;
      const spanMs = first === undefined ? 0 : steady() - first.at;
      const bytesPerS =
        first === undefined || spanMs < LEAST_MS ? null : Math.round(((loadedBytes - first.loaded) / spanMs) * 1_000);
      const isKnown = totalBytes !== null && bytesPerS !== null && bytesPerS > 0;
      return {
        loadedBytes,
        totalBytes,
        bytesPerS,
        etaS: isKnown ? Math.ceil((totalBytes - loadedBytes) / bytesPerS) : null,
      };
    },
  };
}

/** Weights come last and are nearly all of a model: before they have begun, nobody knows how much there is. */
function totalOf(files: ReadonlyMap<string, { total: number | null }>): number | null {
  if (![...files.keys()].some((name) => name.endsWith('.onnx'))) return null;
  let sum = 0;
  for (const { total } of files.values()) {
    if (total === null) return null;
    sum += total;
  }
  return sum;
}
