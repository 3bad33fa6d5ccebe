import type { ModelDownload } from '../../shared/ipc/app-state.ts';
import type { DeviceTrial } from '../../shared/protocol/capabilities.ts';
import type { DtypeReason } from '../inference/choose-files.ts';

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
  /** No model is here, and none comes before the owner lets it. */
  | { stage: 'held' }
  /** Paired, and no relay has a session open with the node. */
  | { stage: 'connecting'; nodeId: string; problem: ShownProblem | null }
  | { stage: 'contributing'; nodeId: string }
  | { stage: 'paused'; nodeId: string }
  /** Ends what runs and takes nothing new. */
  | { stage: 'leaving'; nodeId: string };

export type ShownMachine = { device: 'webgpu' | 'wasm'; adapter: string | null; threads: number };
export type ShownModel = {
  name: string;
  isWarm: boolean;
  sizeBytes: number;
  dtype: string;
  device: string;
  reason: DtypeReason | null;
  type: string;
  /** How it did on the GPU and on the processor, where there was a choice. */
  trials: readonly DeviceTrial[];
};

/** What models take of this browser. */
export type ShownStorage = {
  usedBytes: number;
  /** That the browser still gives; null where it does not say. */
  freeBytes: number | null;
  /** That the owner allows; null for as much as the browser gives. */
  quotaBytes: number | null;
  /** Whether the browser has promised not to clear it by itself. */
  isKept: boolean;
};

/** A model that the owner has asked about, before any of it is downloaded. */
export type ShownOffer = { model: string } & (
  | { state: 'asking' }
  | { state: 'refused'; problem: ShownProblem }
  | {
      state: 'made';
      dtype: string;
      reason: DtypeReason;
      /** Of the weights. */
      weightsBytes: number;
      /** Of all that is still to come. */
      missingBytes: number;
      /** Models that would be removed to make room. */
      leaving: string[];
      /** Why it does not fit; null when it does. */
      problem: ShownProblem | null;
    }
);

/** The part of the view that is about models. */
export type ModelsView = {
  models: ShownModel[];
  downloads: ModelDownload[];
  storage: ShownStorage | null;
  offer: ShownOffer | null;
  /** Whether each download waits for the owner, since the browser says that the network is dear. */
  isMetered: boolean;
};

/** Counted since the page was opened. */
export type ShownWork = {
  jobs: number;
  tokens: number;
  running: number;
  /** Output tokens per second of recent jobs; null until one was long enough to tell. */
  tokensPerS: number | null;
  /** What the relay has credited for these jobs; null before there is any, as at a relay without prices. */
  credits: number | null;
};

export type NodeView = Stage & ModelsView & { machine: ShownMachine | null; work: ShownWork };

export type ToNode =
  | { type: 'open'; relayUrl: string; isNetworkDear: boolean }
  /** The browser's word of its network has changed. */
  | { type: 'network'; isNetworkDear: boolean }
  /** `code` may be empty on the relay's own machine. */
  | { type: 'join'; name: string; code: string }
  | { type: 'pause' }
  | { type: 'resume' }
  | { type: 'leave' }
  | ToModels;

/** What the owner asks of the models. */
export type ToModels =
  | { type: 'look' | 'download' | 'pauseDownload' | 'cancelDownload' | 'remove'; model: string }
  | { type: 'removeAll' }
  /** Of all models; null for as much as the browser gives. */
  | { type: 'limit'; quotaBytes: number | null }
  /** Downloads may use this network though it is dear, until the page is closed. */
  | { type: 'allowMetered' }
  /** The browser was asked to keep what is stored. */
  | { type: 'lookStorage' };

export const NO_WORK: ShownWork = { jobs: 0, tokens: 0, running: 0, tokensPerS: null, credits: null };

export const NO_MODELS: ModelsView = { models: [], downloads: [], storage: null, offer: null, isMetered: false };
