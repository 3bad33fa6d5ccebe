/** A part of the seam to transformers.js (see `environment.ts`): the decode loop over a model's own graph. */

import { nextTurn } from '../../next-turn.ts';
import { createDecodeLoop, type DecodeLoop } from '../decoding/decode-loop.ts';
import { createDecoder } from '../decoding/decoder.ts';
import { createKvStore } from '../decoding/kv-cache.ts';
import type { Session, SessionTensor } from '../session.ts';
import { tellThreads } from '../tell-threads.ts';
import { createThreadChoice, type OwnGraph } from '../thread-choice.ts';
import type { LoadOptions } from './environment.ts';

/** A conversation of 8,000 tokens is 100 MB with Qwen2.5 of 0.5 B parameters (12 KB a token), and 370 with SmolLM2 of 135 M (46 KB). */
const PREFIX_BUDGET_BYTES = 512 * 2 ** 20;
/** Twenty answers of the default length by such a model. */
const CACHE_BUDGET_BYTES = 2 ** 30;
/** Their activations are quantised by one scale for all rows of a pass, which therefore change one another's numbers. */
const SCALED_TOGETHER = ['q8', 'int8', 'uint8'];
/** They count positions from 1. */
const FROM_ONE = ['paligemma', 'gemma3', 'gemma3_text'];

export type LoopOptions = {
  session: Session;
  modelType: string;
  load: LoadOptions;
  /** Opens the same graph on so many threads; absent where nothing is gained by it. */
  openOnThreads?: (threads: number) => Promise<OwnGraph<Feeds, Outputs>>;
};

type Feeds = Readonly<Record<string, SessionTensor>>;
type Outputs = Feeds;

/** `null` for a graph that the inference library has to feed itself. */
export function openLoop({ session, modelType, load, openOnThreads }: LoopOptions): DecodeLoop | null {
  const threads = load.sharedThreads ?? load.threads;
  const choice =
    openOnThreads === undefined || threads <= load.threads
      ? null
      : createThreadChoice({
          narrow: session.run,
          openWide: () => openOnThreads(threads),
          sizeOf,
          ...tellThreads(load),
        });
  const shared = choice === null ? session : { ...session, run: choice.run };
  const decoder = createDecoder(shared, FROM_ONE.includes(modelType) ? 1 : 0);
  if (decoder === null) return null;
  const loop = createDecodeLoop({
    decoder,
    prefixes: createKvStore(decoder.session, load.prefixBudgetBytes ?? PREFIX_BUDGET_BYTES),
    budgetBytes: load.cacheBudgetBytes ?? CACHE_BUDGET_BYTES,
    areRowsIndependent: !SCALED_TOGETHER.includes(load.dtype),
    // WebAssembly computes without ever returning to the event loop, so that no cancel would be heard.
    breathe: load.device === 'wasm' ? nextTurn : null,
  });
  return {
    ...loop,
    async close() {
      await loop.close();
      await choice?.close();
    },
  };
}

function sizeOf({ input_ids: ids }: Feeds): { rows: number; columns: number } {
  const [rows = 1, columns = 1] = ids?.dims ?? [];
  return { rows, columns };
}
