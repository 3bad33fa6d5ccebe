import { COMPUTE_HELLO, COMPUTE_WORD } from '../../shared/ipc/compute-channels.ts';
import {
  ComputeHello,
  ComputeWord,
  type ComputeHello as Hello,
  type ComputeWord as Said,
} from '../../shared/ipc/compute-contract.ts';
import type { WindowRuntime } from '../node/window-runtime.ts';
import type { ComputeWindow } from '../windows/compute-window.ts';
import type { Call } from './register-calls.ts';

/** What the compute page may say. */
export function computeCalls(runtime: WindowRuntime, compute: ComputeWindow, changed: () => void): Call[] {
  return [
    {
      channel: COMPUTE_HELLO,
      input: ComputeHello,
      run: (report) => {
        runtime.greeted(report as Hello);
        compute.greeted();
        changed();
        return null;
      },
    },
    {
      channel: COMPUTE_WORD,
      input: ComputeWord,
      run: (word) => {
        runtime.said(word as Said);
        return null;
      },
    },
  ];
}
