import type { AgentLog } from '../../shared/agent/log.ts';
import type { GpuReport, ListedDevice, MachineTestState } from '../../shared/ipc/app-state.ts';
import type { YieldCode } from '../../shared/preferences/contribution.ts';
import { Problem, toProblem } from '../../shared/problems/problem.ts';
import type { DeviceTest, Hardware, MachineTest } from '../../shared/protocol/capabilities.ts';
import { worthOf } from '../../shared/runtimes/devices/choose-device.ts';
import type { RuntimeJob, RuntimeOutput } from '../../shared/runtimes/runtime.ts';
import { unsupportedOf } from './hardware-desk.ts';
import { asOnProcessor, type OnProcessor, type PageModel } from './page-model.ts';
import type { WindowRuntime } from './window-runtime.ts';

export type MachineTestOptions = {
  page: Pick<WindowRuntime, 'lookAtGpu' | 'tryOut'>;
  processor: Pick<WindowRuntime, 'tryOut'>;
  /** The small model that ships with the app; undefined where it is not there. */
  model(): PageModel | undefined;
  hardware(): Hardware | undefined;
  devices(): readonly ListedDevice[];
  /** A simulated GPU counts too. For tests. */
  allowSoftware: boolean;
  runningJobs(): number;
  kept(): MachineTest | undefined;
  keep(result: MachineTest): void;
  /** The test has ended, and whoever does not contribute holds no page any more. */
  onEnd(): void;
  onChange(): void;
  now: () => number;
  /** Milliseconds of a clock that goes on evenly. */
  elapsed: () => number;
  withinMs?: number;
  log: AgentLog;
};

export type MachineTester = {
  state(): MachineTestState;
  kept(): MachineTest | undefined;
  isRunning(): boolean;
  /** Tests every device in turn; settles when that is over. Errors: `node_busy` while jobs run. */
  run(): Promise<void>;
  stop(): void;
  /** Ends a test that its owner's own use of the machine ends; a pause by hand does not. */
  yieldTo(code: YieldCode): void;
};

/** Of the whole test, so that with loading and stopping it is over within thirty seconds. */
const WITHIN_MS = 24_000;
const PROMPT = 'Tell me about the weather.';
const TOKENS_PER_RUN = 96;
/** Fewer, or faster than this, say more of timers than of a device. */
const LEAST_TOKENS = 16;
/** Whichever comes first. */
const ENOUGH = { ms: 3_000, tokens: 512 };
const YIELDS: ReadonlySet<YieldCode> = new Set([
  'sleep',
  'session_end',
  'game',
  'full_screen',
  'heat',
  'battery',
  'gpu_busy',
]);

type Measured = Pick<DeviceTest, 'tokens_per_s' | 'load_ms'>;

/**
 * Runs the model that ships with the app on each device of this machine, through the page that computes.
 *
 * Invariants: (1) one test at a time, never beside jobs; (2) it is over in time, whatever a device does: what was not
 * measured then says so; (3) what it loaded is out of memory when it has ended; (4) its result is kept as a whole, and one of
 * nothing but what was skipped is none.
 */
export function createMachineTester(options: MachineTestOptions): MachineTester {
  const { page, processor, devices, onChange, now, log, withinMs = WITHIN_MS } = options;
  let running: { stop: AbortController; devices: DeviceTest[] } | undefined;

  const measure = async (on: 'page' | 'processor', signal: AbortSignal): Promise<Measured> => {
    const model = options.model();
    if (model === undefined) throw new Problem('model_files_missing', 'The model of the machine test is not here.');
    const placed = on === 'page' ? model : asOnProcessor(model, model.onProcessor ?? inPage(model));
    const trial = { ...placed, served: { ...placed.served, name: `machine-test/${placed.load.device}` } };
    const host = on === 'processor' && model.onProcessor?.host === 'process' ? processor : page;
    const loadBegan = options.elapsed();
    return host.tryOut(trial, signal, async (run) => {
      const load_ms = Math.round(options.elapsed() - loadBegan);
      return { load_ms, tokens_per_s: await rateOf(run, signal, options.elapsed) };
    });
  };
  const tested = async (
    device: Omit<DeviceTest, keyof Measured | 'reason'>,
    on: 'page' | 'processor',
    deadline: number,
  ) => {
    const { stop } = running ?? { stop: new AbortController() };
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(Math.max(1, deadline))]);
    const none = { tokens_per_s: null, load_ms: null };
    try {
      const measured = await measure(on, signal);
      return { ...device, ...measured, reason: measured.tokens_per_s === null ? ('too_slow' as const) : null };
    } catch (error) {
      if (stop.signal.aborted) return { ...device, ...none, reason: 'skipped' as const };
      if (signal.aborted) return { ...device, ...none, reason: 'too_slow' as const };
      log.warn({ device: device.device, code: toProblem(error).code }, 'the machine test of a device failed');
      return { ...device, ...none, reason: 'failed' as const };
    }
  };
  const testGpu = async (dtype: string): Promise<DeviceTest> => {
    const report = await page.lookAtGpu();
    const listed = devices().find(({ computes }) => computes);
    const device = {
      device: nameOf(report),
      kind: 'gpu' as const,
      dtype,
      memory_bytes: listed?.memoryBytes ?? null,
    };
    const reason = refusalOf(report, options.allowSoftware) ?? (listed?.enabled === false ? 'switched_off' : null);
    if (reason !== null) return { ...device, tokens_per_s: null, load_ms: null, reason };
    return tested(device, 'page', withinMs / 2);
  };
  const testCpu = async (dtype: string): Promise<DeviceTest> => {
    const hardware = options.hardware();
    const device = { kind: 'cpu' as const, dtype, memory_bytes: hardware?.memory_bytes ?? null };
    return tested({ device: hardware?.cpu ?? 'CPU', ...device }, 'processor', withinMs / 2);
  };
  const testAll = async (found: DeviceTest[]): Promise<void> => {
    const dtype = options.model()?.served.dtype ?? '';
    for (const test of [testGpu, testCpu]) {
      found.push(await test(dtype));
      onChange();
    }
    // Who stopped it at once keeps what the last one found.
    if (found.every(({ reason }) => reason === 'skipped')) return;
    const devices = withoutSlower(found);
    options.keep({ tested_at: now(), model: options.model()?.served.name ?? '', devices });
  };

  return {
    state: () => ({
      running: running !== undefined,
      result: options.kept() ?? null,
      found: running?.devices.length ?? 0,
    }),
    kept: options.kept,
    isRunning: () => running !== undefined,
    run: async () => {
      if (running !== undefined) return;
      if (options.runningJobs() > 0) {
        throw new Problem('node_busy', 'Jobs run on this machine now. Pause it, and test it then.');
      }
      running = { stop: new AbortController(), devices: [] };
      onChange();
      try {
        await testAll(running.devices);
      } finally {
        running = undefined;
        options.onEnd();
        onChange();
      }
    },
    stop: () => running?.stop.abort(stopped()),
    yieldTo: (code) => {
      if (YIELDS.has(code)) running?.stop.abort(stopped());
    },
  };
}

/** Of two that did it, the one that such a model does not run on was measured to compare with. */
function withoutSlower(found: readonly DeviceTest[]): DeviceTest[] {
  const worth = ({ kind, tokens_per_s }: DeviceTest): number =>
    worthOf({ device: kind === 'gpu' ? 'webgpu' : 'cpu', per_second: tokens_per_s });
  const able = found.filter(({ reason }) => reason === null);
  const best = Math.max(...able.map(worth));
  return found.map((device) =>
    able.includes(device) && worth(device) < best ? { ...device, reason: 'not_used' } : device,
  );
}

/** A model that no process runs is tried on the processor of the page. */
function inPage({ execution, load }: PageModel): OnProcessor {
  return { host: 'page', execution, load: { ...load, device: 'wasm' } };
}

type RunTrial = (job: RuntimeJob, output: RuntimeOutput) => Promise<unknown>;

/** Tokens per second after the first of each answer; null where too little came to say. */
async function rateOf(run: RunTrial, signal: AbortSignal, elapsed: () => number): Promise<number | null> {
  let tokens = 0;
  let busyMs = 0;
  const beganAt = elapsed();
  while (elapsed() - beganAt < ENOUGH.ms && tokens < ENOUGH.tokens && !signal.aborted) {
    let lastAt: number | undefined;
    const output: RuntimeOutput = {
      text: (_text, count) => {
        const at = elapsed();
        if (lastAt !== undefined) {
          tokens += count;
          busyMs += at - lastAt;
        }
        lastAt = at;
      },
      toolCall: () => undefined,
      vectors: () => undefined,
    };
    try {
      await run(TRIAL, output);
    } catch (error) {
      // What came before the end of its time counts.
      if (!signal.aborted || tokens < LEAST_TOKENS) throw error;
    }
    if (lastAt === undefined) break;
  }
  return tokens < LEAST_TOKENS || busyMs === 0 ? null : Math.round((tokens / busyMs) * 10_000) / 10;
}

const TRIAL: RuntimeJob = {
  type: 'llm',
  model: 'machine-test',
  input: {
    messages: [{ role: 'user', content: PROMPT }],
    maxTokens: TOKENS_PER_RUN,
    ...{ temperature: 0, topP: null, seed: 1, stop: [] },
  },
};

function refusalOf(report: GpuReport | undefined, allowSoftware: boolean): DeviceTest['reason'] {
  return report === undefined ? 'failed' : unsupportedOf(report, allowSoftware);
}

function nameOf(report: GpuReport | undefined): string {
  if (report === undefined) return 'GPU';
  return report.description || `${report.vendor} ${report.architecture}`.trim() || 'GPU';
}

function stopped(): Problem {
  return new Problem('cancelled', 'The machine test was stopped.');
}
