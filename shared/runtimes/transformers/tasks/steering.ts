/** A part of the seam to transformers.js (see `library/environment.ts`): how models that write are held back and ended. */
import { BaseStreamer, LogitsProcessor, StoppingCriteria, type Tensor } from '@huggingface/transformers';

/** Hears each token that is written, and ends the writing by an error, for models that forget their criteria on the way. */
export class Watch extends BaseStreamer {
  readonly interrupted: () => boolean;
  readonly onToken: (token: number) => void;
  /** What was asked is put first. */
  isPrompt = true;

  constructor(interrupted: () => boolean, onToken: (token: number) => void) {
    super();
    this.interrupted = interrupted;
    this.onToken = onToken;
  }

  override put(rows: bigint[][]): void {
    if (this.interrupted()) throw new Error('interrupted');
    if (!this.isPrompt) for (const token of rows[0] ?? []) this.onToken(Number(token));
    this.isPrompt = false;
  }

  override end(): void {
    this.isPrompt = true;
  }
}

/** Leaves the choice among these tokens alone. */
export class OnlyThese extends LogitsProcessor {
  readonly allowed: ReadonlySet<number>;

  constructor(allowed: ReadonlySet<number>) {
    super();
    this.allowed = allowed;
  }

  override _call(_rows: bigint[][], logits: Tensor): Tensor {
    const scores = logits.data as Float32Array;
    for (let id = 0; id < scores.length; id++) if (!this.allowed.has(id)) scores[id] = Number.NEGATIVE_INFINITY;
    return logits;
  }
}

/** Ends every row of what writes with the token at which `interrupted` answers yes. */
export class StopWhen extends StoppingCriteria {
  readonly interrupted: () => boolean;

  constructor(interrupted: () => boolean) {
    super();
    this.interrupted = interrupted;
  }

  override _call(rows: number[][]): boolean[] {
    return new Array(rows.length).fill(this.interrupted());
  }
}
