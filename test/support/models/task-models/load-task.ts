import type { TestContext } from 'node:test';
import { filesInFolder } from '../../../../main/headless/inference/folder-files.ts';
import type { JsonInput } from '../../../../shared/protocol/messages.ts';
import type { CapabilityType } from '../../../../shared/protocol/subjects.ts';
import { type EngineResult, loadModel } from '../../../../shared/runtimes/transformers/engine.ts';
import { collectOutput } from '../../runtimes/runtime-fixtures.ts';

export type AskModel = (
  input: JsonInput,
  options?: { type?: CapabilityType; interrupted?: () => boolean; stream?: boolean },
) => Promise<EngineResult & { output: JsonInput; pieces: string[] }>;

/** A model in memory for the length of a test, as a function from a job's input to its result. */
export async function loadTask(context: Pick<TestContext, 'after'>, folder: string, task?: string): Promise<AskModel> {
  const options = { dtype: 'fp32', device: 'cpu', threads: 1, ...(task === undefined ? {} : { task }) };
  const model = await loadModel(filesInFolder(folder), options);
  context.after(() => model.dispose());
  return async (input, { type = 'task', interrupted = () => false, stream } = {}) => {
    const pieces: string[] = [];
    const output = { ...collectOutput(), text: (text: string) => void pieces.push(text) };
    const job = { type, model: 'test', input, ...(stream === undefined ? {} : { stream }) };
    const result = await model.run(job, output, interrupted);
    return { ...result, output: result.output ?? {}, pieces };
  };
}
