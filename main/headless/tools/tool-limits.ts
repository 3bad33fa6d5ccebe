/** What a program may use of the owner's machine for one job. */
export type ToolLimits = {
  /** Address space of each of its processes, and what all of them together have in memory, which is looked at twice a second. */
  readonly memoryBytes: number;
  /** What it reads, which lies on the owner's disk for as long as it runs. */
  readonly inputBytes: number;
  /** All it writes, and each file of it. */
  readonly outputBytes: number;
  readonly timeMs: number;
  readonly threads: number;
  /** All that it has started and still runs, threads among them where the kernel counts (`sandbox.ts`). */
  readonly processes: number;
};

const GIB = 2 ** 30;
/** x265 starts a thread for each of up to 64 processors, whatever it is told, and others one for each part of their work. */
const PROCESSES = 512;

const USUAL = { inputBytes: 2 * GIB, outputBytes: 2 * GIB, timeMs: 3_600_000, processes: PROCESSES };

/** One job is one slot of several: it may not take the machine's processors or memory for itself. */
export const TOOL_LIMITS = {
  /** 4K video with x264 and two threads maps 2 GiB. */
  ffmpeg: { ...USUAL, memoryBytes: 4 * GIB, threads: 2 },
  /** Blender maps several GiB before it has read a scene. */
  blender: { ...USUAL, memoryBytes: 16 * GIB, threads: 4 },
} as const satisfies Record<string, ToolLimits>;
