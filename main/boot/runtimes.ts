import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { currentProfile } from '../../shared/preferences/contribution.ts';
import type { GpuPreference } from '../../shared/preferences/preferences.ts';
import type { Presence } from '../../shared/preferences/presence.ts';
import { kernelsOn } from '../../shared/runtimes/kernels/served-kernels.ts';
import { createDutyShare } from '../headless/inference/duty-share.ts';
import { chooseRuntime } from '../node/chosen-runtime.ts';
import { createDeviceTrials } from '../node/device-trials.ts';
import { createGpuMemoryCheck } from '../node/gpu-memory-check.ts';
import { createMemoryPeaks } from '../node/memory-peaks.ts';
import type { PageModel } from '../node/page-model.ts';
import { createProcessorRuntime } from '../node/processor-runtime.ts';
import { createWindowRuntime } from '../node/window-runtime.ts';
import { createComputeWindow } from '../windows/compute-window.ts';
import type { DesktopHost } from './desktop-host.ts';
import type { Storage } from './storage.ts';

/** What the runtimes ask of the rest of the node, which is made after them. */
export type Surroundings = {
  /** How much of the GPU's memory is used by anybody; null where nothing tells. */
  usedGpuBytes(): Promise<number | null>;
  /** Which GPU the owner allows. */
  rule(): GpuPreference;
  presence(): Presence;
  /** Whether the node contributes and has nothing to do. */
  isIdle(): boolean;
  changed(): void;
};

/** What runs models: the page on the GPU, the processor, and the choice between them. */
export function openRuntimes(
  host: DesktopHost,
  storage: Storage,
  models: readonly PageModel[],
  surroundings: Surroundings,
) {
  const { electron, now } = host;
  const { settings, log } = storage;
  const allowSoftware = host.allowSoftwareGpu ?? false;
  const { changed } = surroundings;
  const compute = createComputeWindow({
    electron,
    preload: join(host.folders.preloads, 'compute.cjs'),
    onGone: (how) => page.gone(how),
    now,
    log,
  });
  const peaks = createMemoryPeaks({
    kept: () => settings.get().memoryPeaks ?? {},
    keep: (memoryPeaks) => settings.note({ memoryPeaks }),
    readGpuBytes: async () =>
      (await host.readOwnGpuBytes?.(new Set(electron.app.getAppMetrics().map(({ pid }) => pid)))) ?? null,
    now,
  });
  const duty = createDutyShare(() => currentProfile(settings.get().preferences, surroundings.presence()).duty_percent);
  const gpuCheck = createGpuMemoryCheck({
    readUsedBytes: () => surroundings.usedGpuBytes().catch(() => null),
    now,
    wait: (ms) => pause(ms, undefined, { ref: false }),
    onChange: changed,
    log,
  });
  const page = createWindowRuntime({
    models: [...models, kernelsOn('webgpu')],
    window: compute,
    log,
    allowSoftware,
    rule: () => surroundings.rule(),
    prefersProcessor: (name) => trials.prefersProcessor(name),
    needBytes: (served) => peaks.needOf(served).bytes,
    onRan: (held) => {
      void peaks.ranOnGpu(held);
      if (held().length > 0) void gpuCheck.ran();
    },
    duty,
    gpuCheck,
    now,
  });
  const processor = createProcessorRuntime({
    ...{ electron, entry: host.modelProcess, models, duty, now, log },
    onPeak: (served, bytes) => peaks.note(served, bytes),
  });
  const known = new Map(models.map((model) => [model.served.name, model]));
  const trials = createDeviceTrials({
    page,
    processor,
    models: () => known.values(),
    kept: () => settings.get().deviceTrials ?? {},
    keep: (deviceTrials) => settings.note({ deviceTrials }),
    isIdle: () => host.measuresDevices !== false && surroundings.isIdle(),
    onChange: () => void runtime.enforce().then(changed),
    elapsed: () => performance.now(),
    log,
  });
  const runtime = chooseRuntime({ page, processor, trials, known });
  return { compute, page, peaks, gpuCheck, duty, processor, trials, runtime };
}
