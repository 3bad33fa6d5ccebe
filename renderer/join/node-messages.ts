/** What the page and the worker that is the node say to each other. Both are built together, so nothing is validated. */

/** A refusal or failure for a person to read. */
export type ShownProblem = { code: string; message: string };

export type Stage =
  /** Looking whether this browser is a node already. */
  | { stage: 'opening' }
  | { stage: 'unpaired'; problem: ShownProblem | null }
  /** Another tab of this browser is the node. */
  | { stage: 'elsewhere' }
  | { stage: 'pairing' }
  | { stage: 'preparing'; model: string; loadedBytes: number; totalBytes: number }
  /** Paired, and no relay has a session open with the node. */
  | { stage: 'connecting'; nodeId: string; problem: ShownProblem | null }
  | { stage: 'contributing'; nodeId: string }
  | { stage: 'paused'; nodeId: string }
  /** Ends what runs and takes nothing new. */
  | { stage: 'leaving'; nodeId: string };

export type ShownMachine = { device: 'webgpu' | 'wasm'; adapter: string | null; threads: number };
export type ShownModel = { name: string; isWarm: boolean; sizeBytes: number };

/** Counted since the page was opened. */
export type ShownWork = {
  jobs: number;
  tokens: number;
  running: number;
  /** Output tokens per second of recent jobs; null until one was long enough to tell. */
  tokensPerS: number | null;
};

export type NodeView = Stage & { machine: ShownMachine | null; models: ShownModel[]; work: ShownWork };

export type ToNode =
  | { type: 'open'; relayUrl: string }
  /** `code` may be empty on the relay's own machine. */
  | { type: 'join'; name: string; code: string }
  | { type: 'pause' }
  | { type: 'resume' }
  | { type: 'leave' };

export const NO_WORK: ShownWork = { jobs: 0, tokens: 0, running: 0, tokensPerS: null };
