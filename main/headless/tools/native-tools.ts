import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentLog } from '../../../shared/agent/log.ts';
import { Problem, toProblem } from '../../../shared/problems/problem.ts';
import type { ServedModel } from '../../../shared/protocol/capabilities.ts';
import type { JobFileRef } from '../../../shared/protocol/messages.ts';
import { TOOL_TYPES, type ToolType } from '../../../shared/protocol/subjects.ts';
import type { RuntimeFiles, RuntimeJob, RuntimeResult } from '../../../shared/runtimes/runtime.ts';
import { findProgram } from '../find-program.ts';
import { fetchJobFile, handOver } from './job-file-transfer.ts';
import { openMadeFiles } from './made-files.ts';
import { type ProgramEnd, runProgram } from './run-program.ts';
import { findSandbox, type Sandbox } from './sandbox.ts';
import { TOOL_LIMITS, type ToolLimits } from './tool-limits.ts';
import { planTool, type ToolPlan } from './tool-plan.ts';

export type NativeToolsOptions = {
  /** Those that the owner allows. */
  allowed: readonly ToolType[];
  log: AgentLog;
  /** Where the folders of jobs are made and removed; that of the system when absent. */
  folder?: string;
  limits?: Partial<ToolLimits>;
  /** As in the environment. */
  path?: string;
  sandbox?: () => Promise<Sandbox>;
};

export type NativeTools = {
  models(): ServedModel[];
  run(job: ToolJob, signal: AbortSignal): Promise<RuntimeResult>;
  /** Resolves when no program runs any more. */
  close(): Promise<void>;
};

type ToolJob = Extract<RuntimeJob, { files?: unknown }>;
type Tool = { type: ToolType; program: string; version: string; limits: ToolLimits; sandbox: Sandbox };

const VERSION_ARGUMENT: Record<ToolType, string> = { ffmpeg: '-version', blender: '--version' };
/** A disk that does much else takes its time over a program's two hundred libraries. */
const PROBE_MS = 60_000;

/**
 * Programs of the owner's machine. Each that is allowed is started once in its sandbox; one that does not run there is
 * left out, and the log says why.
 *
 * Invariants: (1) no program runs outside a sandbox, and none that the owner has not named; (2) each job has a folder of
 * its own, which is removed when the job has ended, however it ends; (3) what a program reads was verified against the
 * digest that the relay has named.
 */
export async function openNativeTools(options: NativeToolsOptions): Promise<NativeTools> {
  const tools = new Map<ToolType, Tool>();
  for (const type of options.allowed) {
    try {
      tools.set(type, await openTool(type, options));
    } catch (error) {
      options.log.warn({ tool: type, reason: toProblem(error).message }, 'a program that is allowed cannot be used');
    }
  }
  const closing = new AbortController();
  const running = new Set<Promise<unknown>>();
  return {
    models: () => [...tools.values()].map(servedOf),
    run: async (job, signal) => {
      const tool = tools.get(job.type as ToolType);
      if (tool === undefined)
        throw new Problem('tool_unusable', `The owner of this node does not let it run ${job.type}.`);
      const run = runJob(job, tool, AbortSignal.any([signal, closing.signal]), options);
      running.add(run);
      return run.finally(() => running.delete(run));
    },
    close: async () => {
      closing.abort(new Problem('cancelled', 'The node is stopping.'));
      await Promise.allSettled(running);
    },
  };
}

export function isToolType(type: string): type is ToolType {
  return (TOOL_TYPES as readonly string[]).includes(type);
}

async function openTool(type: ToolType, options: NativeToolsOptions): Promise<Tool> {
  const program = await findProgram(type, options.path);
  if (program === undefined) throw new Problem('tool_unusable', `${type} is not installed on this machine.`);
  const sandbox = await (options.sandbox ?? findSandbox)();
  const tool = { type, program, sandbox, version: '', limits: { ...TOOL_LIMITS[type], ...options.limits } };
  const probed = { ...tool, limits: { ...tool.limits, timeMs: PROBE_MS } };
  const { code, stdout, stderr } = await inFolder(options, (folder) =>
    start(probed, [VERSION_ARGUMENT[type]], folder, new AbortController().signal),
  );
  const version = /^\w+ (?:version )?(\S+)/.exec(stdout)?.[1];
  if (code === 0 && version !== undefined) return { ...tool, version };
  const said = stderr.trim().split('\n').at(-1)?.slice(0, 200) ?? '';
  throw new Problem(
    'tool_unusable',
    `${type} does not run in ${sandbox.name} here: ${said || `it ended with ${code}`}.`,
  );
}

async function runJob(
  { type, input, service, files }: ToolJob,
  tool: Tool,
  signal: AbortSignal,
  options: NativeToolsOptions,
): Promise<RuntimeResult> {
  const plan = planTool(type as ToolType, service, input, tool.limits);
  if (files === undefined) {
    throw new Problem('invalid_value', 'Results of programs are files, which the relay of this job does not take.');
  }
  const output = await inFolder(options, async (folder) => {
    const place = { path: join(folder, 'in', plan.inputName), mostBytes: tool.limits.inputBytes };
    await placeInput(input, plan, files, place, signal);
    const end = await start(tool, plan.args, folder, signal);
    if (end.code !== 0) throw whyFailed(end, tool);
    return plan.output(await handOverMade(plan, files, tool, folder, signal), end.stdout);
  });
  const { version: revision } = tool;
  return {
    finishReason: 'stop',
    usage: { inputTokens: 0, outputTokens: 0 },
    execution: { runtime: type, device: 'cpu', dtype: 'native', revision, digest: null },
    output,
  };
}

async function inFolder<Result>(
  { folder = tmpdir() }: NativeToolsOptions,
  use: (folder: string) => Promise<Result>,
): Promise<Result> {
  const own = await mkdtemp(join(folder, 'sparewatt-tool-'));
  try {
    for (const name of ['in', 'out', 'tmp']) await mkdir(join(own, name), { mode: 0o700 });
    return await use(own);
  } finally {
    await rm(own, { recursive: true, force: true, maxRetries: 3 });
  }
}

function start(tool: Tool, args: readonly string[], folder: string, signal: AbortSignal): Promise<ProgramEnd> {
  const { program, sandbox, limits } = tool;
  const wrapped = sandbox.wrap(program, args, folder, limits);
  return runProgram({ ...wrapped, cwd: folder, limits, signal });
}

async function placeInput(
  input: ToolJob['input'],
  plan: ToolPlan,
  files: RuntimeFiles,
  place: { path: string; mostBytes: number },
  signal: AbortSignal,
): Promise<void> {
  const [ref] = files.inputs;
  if (typeof input.file_id === 'string') {
    if (ref?.file_id !== input.file_id || ref.sha256 !== input.file_sha256) {
      throw new Problem('protocol_violation', 'The relay lends another file than the one that the job names.');
    }
    return fetchJobFile(files, ref, place, signal);
  }
  const inline = plan.inputName === 'scene.blend' ? input.scene : input.file;
  await writeFile(place.path, Buffer.from(String(inline), 'base64'), { flag: 'wx', mode: 0o600 });
}

async function handOverMade(
  plan: ToolPlan,
  files: RuntimeFiles,
  { limits }: Tool,
  folder: string,
  signal: AbortSignal,
): Promise<JobFileRef[]> {
  const made = await openMadeFiles(join(folder, 'out'), plan, limits.outputBytes);
  try {
    const refs: JobFileRef[] = [];
    for (const { name, sizeBytes, handle } of made) {
      const content = handle.createReadStream({ start: 0, autoClose: false });
      refs.push(await handOver(files, { name, sizeBytes, content, mediaType: plan.mediaType }, signal));
    }
    return refs;
  } finally {
    await Promise.allSettled(made.map(({ handle }) => handle.close()));
  }
}

/** The program's own words, in one line. They are about the client's file, so that they are told and not logged. */
function whyFailed({ code, stderr }: ProgramEnd, { type, limits }: Tool): Problem {
  // 128 and the signal for a file that would be too large.
  if (code === 153 || /File too large/.test(stderr)) {
    return new Problem('result_too_large', `${type} wrote more than ${limits.outputBytes} bytes. Ask for less.`);
  }
  const [said = ''] = stderr.trim().split('\n').slice(-1);
  const shown = said
    .replace(/0x[0-9a-f]+/g, '')
    .replace(/[^\x20-\x7e]/g, '')
    .trim()
    .slice(0, 200);
  return new Problem('tool_failed', `${type} could not do this with this file: ${shown || `it ended with ${code}`}.`);
}

function servedOf({ type, version }: Tool): ServedModel {
  return {
    name: type,
    type,
    state: 'warm',
    revision: version,
    dtype: 'native',
    device: 'cpu',
    size_bytes: 0,
    context_length: 0,
  };
}
