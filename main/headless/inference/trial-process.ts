/**
 * Entry of a process that tries a model on a device; the host is `start-trial.ts`. A process and no thread, because a
 * driver that fails takes its process with it. It says one line of JSON when the model is in memory and one for each
 * line it is given: what the run made, or what went wrong.
 */
import { createInterface } from 'node:readline';
import { NO_OUTPUT, trialJobOf } from '../../../shared/runtimes/devices/trial-job.ts';
import { loadModel } from '../../../shared/runtimes/transformers/engine.ts';
import { filesInFolder } from './folder-files.ts';
import type { TrialRequest, TrialWord } from './start-trial.ts';

const { load, ...tried }: TrialRequest = JSON.parse(process.argv[2] ?? '');
const say = (word: TrialWord): void => void process.stdout.write(`${JSON.stringify(word)}\n`);

try {
  const { location, ...options } = load;
  const loaded = await loadModel(filesInFolder(location), options);
  const trial = trialJobOf(tried);
  say({ units: 0 });
  for await (const _ of createInterface({ input: process.stdin })) {
    if (trial === null) throw new TypeError('a model that is not measured');
    say({ units: trial.count(await loaded.run(trial.job, NO_OUTPUT, () => false)) });
  }
} catch (error) {
  say({ problem: error instanceof Error ? error.message : String(error) });
}
