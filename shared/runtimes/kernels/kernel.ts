import type { JsonInput } from '../../protocol/messages.ts';
import type { GpuJob } from './gpu.ts';
import type { Turns } from './turns.ts';

/** A computation as it runs on a GPU and on a processor; `input` has passed the schema of its service. */
export type Kernel = {
  /** Absent where a GPU would gain nothing. */
  onGpu?(input: JsonInput, gpu: GpuJob): Promise<JsonInput>;
  onCpu(input: JsonInput, turns: Turns): Promise<JsonInput>;
};

/** Numbers for a uniform, `u` as 32-bit words and `f` as float32 behind them. */
export function paramsOf(u: readonly number[], f: readonly number[] = []): ArrayBuffer {
  const params = new ArrayBuffer(64);
  new Uint32Array(params).set(u);
  new Float32Array(params).set(f, u.length);
  return params;
}
