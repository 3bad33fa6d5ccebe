import type { RuntimeJob, RuntimeOutput } from '../../../../shared/runtimes/runtime.ts';
import { type LoadedModel, loadModel } from '../../../../shared/runtimes/transformers/engine.ts';
import type { ModelFiles } from '../../../../shared/runtimes/transformers/model-files.ts';

export type CaseAnswer = {
  readonly text: string;
  readonly rows: readonly (readonly number[])[];
  readonly output: Readonly<Record<string, unknown>>;
};

/** A model's answer or the message it was refused with. */
export type Told = { readonly answer: CaseAnswer } | { readonly refused: string };

export type CaseRequest = { readonly job: RuntimeJob; readonly loadedAs: string | undefined };

/** Answers cases one after another, in Node as in a browser; each model is loaded once, and stays. */
export function createAnswerer(
  openFiles: (model: string) => ModelFiles,
  device: string,
): (request: CaseRequest) => Promise<Told> {
  const models = new Map<string, LoadedModel>();
  const modelFor = async ({ job, loadedAs }: CaseRequest): Promise<LoadedModel> => {
    const known = models.get(job.model);
    if (known !== undefined) return known;
    const options = { dtype: 'fp32', device, threads: 1, ...(loadedAs === undefined ? {} : { task: loadedAs }) };
    const loaded = await loadModel(openFiles(job.model), options);
    models.set(job.model, loaded);
    return loaded;
  };
  return async (request) => {
    try {
      const made = { text: '', rows: [] as number[][] };
      const { output = {} } = await (await modelFor(request)).run(request.job, collecting(made), () => false);
      return { answer: { ...made, output } };
    } catch (error) {
      return { refused: error instanceof Error ? error.message : String(error) };
    }
  };
}

function collecting(made: { text: string; rows: number[][] }): RuntimeOutput {
  return {
    text: (piece) => {
      made.text += piece;
    },
    toolCall: () => undefined,
    vectors: (start, count, width, values) => {
      for (let row = 0; row < count; row++) {
        made.rows[start + row] = [...values.subarray(row * width, (row + 1) * width)];
      }
    },
  };
}
