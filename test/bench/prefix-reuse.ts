import { fileURLToPath } from 'node:url';
import { filesInFolder } from '../../main/headless/inference/folder-files.ts';
import type { ChatMessage } from '../../shared/protocol/messages.ts';
import { type LoadedModel, loadModel } from '../../shared/runtimes/transformers/engine.ts';
import { type Figure, figureOf } from './figure.ts';
import { interleave } from './rounds.ts';

const MODEL = fileURLToPath(new URL('../../shared/models/sparewatt/demo-chat', import.meta.url));
/** The demo model reads 512 tokens, about one per character of this. */
const TURNS = 12;

/** Milliseconds to the first token of the last turn of a conversation, with what was computed before and without. */
export async function prefixReuse(): Promise<Figure[]> {
  const model = await loadModel(filesInFolder(MODEL), { dtype: 'fp32', device: 'cpu', threads: 1 });
  let conversations = 0;
  const lastTurn = (isReusing: boolean) => async (): Promise<number> => {
    const scope = isReusing ? `client-${conversations++}` : undefined;
    const messages: ChatMessage[] = [];
    let firstTokenMs = 0;
    for (let turn = 0; turn < TURNS; turn++) {
      messages.push({ role: 'user', content: `What is ${10 + turn} + ${37 - turn}? Please say it.` });
      const { text, ms } = await answer(model, messages, scope);
      messages.push({ role: 'assistant', content: text });
      firstTokenMs = ms;
    }
    return firstTokenMs;
  };
  try {
    const sides = await interleave(7, { reusedMs: lastTurn(true), anewMs: lastTurn(false) });
    return [figureOf('follow-up-first-token', sides.reusedMs / sides.anewMs, 'ratio', { atMost: 0.5 }, sides)];
  } finally {
    await model.dispose();
  }
}

async function answer(model: LoadedModel, messages: readonly ChatMessage[], scope: string | undefined) {
  const input = { messages: [...messages], maxTokens: 8, temperature: 0, topP: null, seed: null, stop: [] };
  const startedAt = performance.now();
  let firstMs: number | undefined;
  let text = '';
  const output = {
    text: (piece: string): void => {
      firstMs ??= performance.now() - startedAt;
      text += piece;
    },
    toolCall: () => undefined,
    vectors: () => undefined,
  };
  const job = { type: 'llm' as const, model: 'demo', input, ...(scope === undefined ? {} : { scope }) };
  await model.run(job, output, () => false);
  return { text, ms: firstMs ?? performance.now() - startedAt };
}
