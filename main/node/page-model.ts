import type { ComputeOrder } from '../../shared/ipc/compute-channels.ts';
import type { ServedModel } from '../../shared/protocol/capabilities.ts';
import type { Execution } from '../../shared/protocol/messages.ts';
import type { LoadRequest } from '../../shared/runtimes/worker-protocol.ts';

/** A model whose files the page can read. */
export type PageModel = {
  served: Omit<ServedModel, 'state'>;
  execution: Execution;
  load: LoadRequest;
  /** Checks its files against their digests before each load. Errors: `model_files_missing`, `model_files_corrupt`, the reason of the signal. */
  verify?(signal: AbortSignal): Promise<void>;
  /** Takes its files off the disk; absent for those that ship with the app. Errors: `model_in_use`. */
  forget?(): Promise<void>;
  /** How it runs where there is no GPU for it; absent where it cannot. */
  onProcessor?: OnProcessor;
};

/** A process computes faster; pictures are unpacked in the page alone, behind the sandbox of Chromium. */
export type OnProcessor = { host: 'process' | 'page'; execution: Execution; load: LoadRequest };

/** The model as the processor runs it. */
export function asOnProcessor({ onProcessor: _, served, ...model }: PageModel, its: OnProcessor): PageModel {
  const { execution, load } = its;
  return { ...model, execution, load, served: { ...served, device: load.device } };
}

/** What computes: the page, or processes. */
export type ComputeHost = {
  /** Resolves when orders are heard; rejects when that cannot be had. */
  ready(): Promise<void>;
  order(order: ComputeOrder): void;
  /** Ends at least what holds this model, or all. */
  end(model?: string): void;
};
