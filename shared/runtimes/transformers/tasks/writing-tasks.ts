import type { WritingRow } from './shared-writing.ts';
import type { Task } from './task-kinds.ts';
import type { TaskModel } from './task-model.ts';
import { countRead, oneOrAll, type TaskRun, tokensOf } from './task-run.ts';

const MOST_TOKENS = 4_096;
const USUAL_TOKENS = 256;

/** `text` (one or a list) → `text`. Each is written by the library as if it were alone, whether or not its passes are shared. */
function write(task: Task, optionsOf: (input: Parameters<TaskRun>[0]['input']) => object = () => ({})): TaskRun {
  return async ({ model, input, inRows }) => {
    const texts = input.texts('text');
    const inputTokens = countRead(model, texts, 'text');
    const max_new_tokens = input.count('max_tokens', 1, MOST_TOKENS, USUAL_TOKENS);
    const options = { max_new_tokens, ...optionsOf(input) };
    const rowOf = (text: string): WritingRow<TaskModel['call']> => ({
      columns: model.countTokens(text) + max_new_tokens,
      async write(call, interrupted) {
        const [found] = (await call(task, [text], { ...options, ...model.until(interrupted) })) as Record<
          string,
          string
        >[];
        return Object.values(found ?? {})[0] ?? '';
      },
    });
    const written = await inRows(texts.map(rowOf));
    const output = oneOrAll(
      written.map((text) => ({ text })),
      input.isList('text'),
    );
    return { output, inputTokens, outputTokens: tokensOf(model, written) };
  };
}

export const summarize = write('summarization');
export const rewrite = write('text2text-generation');
/** Languages are named as the model's own codes, `eng_Latn` or `en`. */
export const translate = write('translation', (input) => ({
  ...(input.has('from') ? { src_lang: input.text('from') } : {}),
  ...(input.has('to') ? { tgt_lang: input.text('to') } : {}),
}));
