import type { Task } from './task-kinds.ts';
import { countRead, nextTurn, oneOrAll, type TaskRun, tokensOf } from './task-run.ts';

const MOST_TOKENS = 4_096;
const USUAL_TOKENS = 256;

/** `text` (one or a list) → `text`. Texts are written one after another: a batch would run on past each one's end. */
function write(task: Task, optionsOf: (input: Parameters<TaskRun>[0]['input']) => object = () => ({})): TaskRun {
  return async ({ model, input, interrupted }) => {
    const texts = input.texts('text');
    const inputTokens = countRead(model, texts, 'text');
    const options = {
      max_new_tokens: input.count('max_tokens', 1, MOST_TOKENS, USUAL_TOKENS),
      ...optionsOf(input),
      ...model.until(interrupted),
    };
    const written: string[] = [];
    for (const text of texts) {
      if (interrupted()) break;
      const [found] = (await model.call(task, [text], options)) as Record<string, string>[];
      written.push(Object.values(found ?? {})[0] ?? '');
      await nextTurn();
    }
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
