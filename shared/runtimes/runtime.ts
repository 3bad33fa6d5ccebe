import type { ServedModel } from '../protocol/capabilities.ts';
import type {
  ChatInput,
  EmbedInput,
  Execution,
  FetchedPictures,
  FinishReason,
  JobFileGrant,
  JsonInput,
  TokenLogprob,
  Usage,
} from '../protocol/messages.ts';
import type { ObjectType } from '../protocol/subjects.ts';
import type { ThreadTrial } from './thread-trial.ts';

/** What a runtime is asked to do; the agent has already checked lease, policy and slots. */
export type RuntimeJob = {
  /** Whose key asks, by its opaque id, as far as the relay tells. For whoever watches over jobs; no runtime needs it. */
  client?: string;
} & (
  | {
      type: 'llm';
      model: string;
      input: ChatInput;
      /** The pictures behind the addresses in its messages, in base64; those of data URLs are none of them. */
      fetched?: FetchedPictures;
      /** Whether what the model thinks is told apart from what it answers. */
      reasoningApart?: true;
      /** Jobs of one scope may reuse what was computed for one another; without one, nothing is reused. */
      scope?: string;
      /** What the conversation is called where the runtime tells which ones it still knows. */
      session?: string;
    }
  | { type: 'embed'; model: string; input: EmbedInput }
  | {
      type: ObjectType;
      model: string;
      input: JsonInput;
      /** Whether somebody reads along while a transcript is made; its text then comes through `text`, too. */
      stream?: boolean;
      /** The registry id that it was asked by, where that is known. */
      service?: string;
      files?: RuntimeFiles;
    }
);

/** The files of a job, and where they are: the relay's address, and who vouches for it where the system does not (PEM). */
export type RuntimeFiles = JobFileGrant & { relayUrl: string; authority?: string };

/** What comes out while a job runs. Calls arrive in order, on the caller's thread, and never after `run` has settled. */
export type RuntimeOutput = {
  /** Text that is complete as UTF-8, and how many tokens it stands for. */
  text(text: string, tokens: number, more?: PieceDetail): void;
  /** A piece of a tool call; the first of each call carries its name. */
  toolCall(piece: ToolCallPiece): void;
  /** Vectors `start … start+count-1`, row-major in one array. */
  vectors(start: number, count: number, dimensions: number, values: Float32Array): void;
};

/**
 * Which choice a piece belongs to, 0 when absent, and how likely its tokens were, when that was asked; with the first piece of a job
 * how many tokens its prompt has, for an answer that is broken off later. `reasoning` when it is what the model thinks.
 */
export type PieceDetail = { choice?: number; logprobs?: TokenLogprob[]; inputTokens?: number; reasoning?: true };

export type ToolCallPiece = Omit<PieceDetail, 'reasoning'> & {
  index: number;
  name?: string;
  arguments: string;
  tokens: number;
};

/** `finishReasons` are those of all choices, when there is more than one. */
export type RuntimeResult = {
  finishReason: FinishReason;
  finishReasons?: FinishReason[];
  /** Which of the stop strings that were asked for ended the only choice, where one did. */
  stopSequence?: string;
  usage: Usage;
  execution: Execution;
  /** The sessions of this model that the runtime still knows, newest first; only after a job that had one. */
  warmSessions?: readonly string[];
  /** What a job of a capability type made. */
  output?: JsonInput;
};

/** A model, with what only its owner is told. */
export type RuntimeModel = ServedModel & {
  /** What the process that holds it has measured last; absent before, and where there is nothing to choose. */
  threadTrial?: ThreadTrial;
};

/** A model's files on this machine, served or not. */
export type InstalledArtifact = { name: string; size_bytes: number; files: number };

/**
 * What executes jobs on a node. The agent knows nothing of what stands behind it.
 *
 * Errors: `run` rejects with a `Problem` for anything a caller should hear of (`model_not_found`,
 * `context_length_exceeded`, `model_files_corrupt`, …), with `signal.reason` when the signal ended it; anything else is
 * a fault of the runtime. A failed job never takes others with it unless what they run in is gone (`node_fault`).
 */
export interface Runtime {
  /** Models that can be asked for now, loaded or not. */
  models(): RuntimeModel[];
  /** Called whenever `models()` would answer differently. */
  onChange(listener: () => void): void;
  /** Models whose files lie on this machine; without it those that are served. */
  installed?(): readonly InstalledArtifact[];
  /** Called with the time from the first read of its files until a model could work. */
  onLoad?(listener: (model: string, loadMs: number) => void): void;
  run(job: RuntimeJob, output: RuntimeOutput, signal: AbortSignal): Promise<RuntimeResult>;
  close(): Promise<void>;
}
