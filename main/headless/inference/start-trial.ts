import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { TrialWorker } from '../../../shared/runtimes/devices/measure-devices.ts';
import type { TriedModel } from '../../../shared/runtimes/devices/trial-job.ts';
import type { LoadRequest } from '../../../shared/runtimes/worker-protocol.ts';

export type TrialRequest = TriedModel & { load: LoadRequest };
export type TrialWord = { units: number } | { problem: string };

const ENTRY = fileURLToPath(new URL('./trial-process.ts', import.meta.url));

/** A process that holds a model on a device for a trial, and dies with whatever its driver does. `env` is added to ours. */
export function startTrial(request: TrialRequest, env: Readonly<Record<string, string>> = {}): TrialWorker {
  const child = spawn(process.execPath, [ENTRY, JSON.stringify(request)], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...process.env, ...env },
  });
  const exit = once(child, 'exit').catch(() => undefined);
  const words = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  child.stdin.on('error', () => undefined); // It is told by the end of its words.
  const nextUnits = async (): Promise<number> => {
    const { value, done } = await words.next();
    if (done === true) throw new Error('the trial ended without a word: a driver may have failed');
    const word = readWord(value);
    if ('problem' in word) throw new Error(word.problem);
    return word.units;
  };
  return {
    loaded: nextUnits().then(() => undefined),
    run: () => {
      child.stdin.write('\n');
      return nextUnits();
    },
    end: async () => {
      child.kill('SIGKILL');
      await exit;
    },
  };
}

/** Drivers print on any stream what they like. */
function readWord(line: string): TrialWord {
  try {
    const word = JSON.parse(line) as TrialWord;
    if ('problem' in word || typeof word.units === 'number') return word;
  } catch {
    // Told below.
  }
  throw new Error('the trial said something else than a figure');
}
