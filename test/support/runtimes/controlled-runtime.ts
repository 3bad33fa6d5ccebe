import type { ServedModel } from '../../../shared/protocol/capabilities.ts';
import type { Runtime, RuntimeJob, RuntimeOutput, RuntimeResult } from '../../../shared/runtimes/runtime.ts';
import { createInbox, type Inbox } from '../inbox.ts';
import { pretendedExecution } from '../models/pretended-model.ts';

/** One job as the runtime was given it; the test is the model. */
export type ControlledRun = {
  readonly job: RuntimeJob;
  readonly output: RuntimeOutput;
  readonly signal: AbortSignal;
  finish(result?: Partial<RuntimeResult>): void;
  fail(error: unknown): void;
};

export type ControlledRuntime = Runtime & {
  readonly runs: Inbox<ControlledRun>;
  setModels(models: ServedModel[]): void;
  readonly isClosed: boolean;
};

const RESULT: RuntimeResult = {
  finishReason: 'stop',
  usage: { inputTokens: 1, outputTokens: 1 },
  execution: pretendedExecution('controlled'),
};

export function createControlledRuntime(models: ServedModel[] = []): ControlledRuntime {
  const runs = createInbox<ControlledRun>();
  const listeners: (() => void)[] = [];
  let isClosed = false;
  let served = models;
  return {
    runs,
    models: () => served,
    onChange: (listener) => void listeners.push(listener),
    run: (job, output, signal) =>
      new Promise((resolve, fail) => {
        runs.push({ job, output, signal, fail, finish: (result = {}) => resolve({ ...RESULT, ...result }) });
      }),
    setModels: (next) => {
      served = next;
      for (const listener of listeners) listener();
    },
    close: async () => {
      isClosed = true;
    },
    get isClosed() {
      return isClosed;
    },
  };
}
