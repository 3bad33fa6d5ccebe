import type { OutputItem } from '../../../shared/api/responses.ts';
import { NO_ARGUMENTS } from './answer-choices.ts';
import type { AnswerParts, WriteEvent } from './part-events.ts';
import { callItem, messageItem, reasoningItem, textPart } from './response-object.ts';
import type { ResponseTools } from './response-tools.ts';

/** The items of a response as they are made. Each is added, told in deltas, and done before the next is added. */
export type ResponseItems = AnswerParts & {
  readonly output: OutputItem[];
  /** Ends the item that is open; of an answer without any there is one message, which is empty. */
  finish(status: OutputItem['status']): void;
  /** The same without telling of it. */
  cut(): void;
};

/** An item of text. */
type Told = Exclude<OutputItem, { type: 'function_call' }>;

const KINDS: Readonly<Record<OutputItem['type'], string>> = {
  message: 'output_text',
  reasoning: 'reasoning_text',
  function_call: 'function_call_arguments',
};

export function createResponseItems(write: WriteEvent, { calleeOf }: ResponseTools): ResponseItems {
  const output: OutputItem[] = [];
  let open: OutputItem | undefined;
  let pending = '';

  const placeOf = ({ id, type }: OutputItem): object => ({
    item_id: id,
    output_index: output.length - 1,
    ...(type === 'function_call' ? {} : { content_index: 0 }),
  });
  const flush = (): void => {
    const delta = pending;
    pending = '';
    if (delta === '' || open === undefined) return;
    const more = open.type === 'message' ? { logprobs: [] } : {};
    write(`response.${KINDS[open.type]}.delta`, { ...placeOf(open), delta, ...more });
  };
  const end = (status: OutputItem['status']): void => {
    if (open?.type === 'function_call' && status === 'completed' && open.arguments === '') {
      open.arguments = pending = NO_ARGUMENTS;
    }
    flush();
    if (open === undefined) return;
    const item = open;
    open = undefined;
    item.status = status;
    if (item.type === 'function_call') {
      const { name, arguments: text } = item;
      write('response.function_call_arguments.done', { ...placeOf(item), name, arguments: text });
    } else {
      const [part = textPart('')] = item.content;
      const more = item.type === 'message' ? { logprobs: [] } : {};
      write(`response.${KINDS[item.type]}.done`, { ...placeOf(item), text: part.text, ...more });
      write('response.content_part.done', { ...placeOf(item), part });
    }
    write('response.output_item.done', { output_index: output.length - 1, item });
  };
  const start = (item: OutputItem): void => {
    end('completed');
    open = item;
    output.push(item);
    const [part] = item.type === 'function_call' ? [] : item.content;
    const added = part === undefined ? item : { ...item, content: [] };
    write('response.output_item.added', { output_index: output.length - 1, item: added });
    if (part !== undefined) write('response.content_part.added', { ...placeOf(item), part });
  };
  const tell = (
    type: Told['type'],
    itemOf: (text: string, status: OutputItem['status']) => Told,
    text: string,
  ): void => {
    // Tokens without text are no item.
    if (text === '') return;
    if (open?.type !== type) start(itemOf('', 'in_progress'));
    if (open?.type !== 'function_call') for (const part of open?.content ?? []) part.text += text;
    pending += text;
  };
  return {
    output,
    get pending() {
      return pending;
    },
    say: (text) => tell('message', messageItem, text),
    think: (text) => tell('reasoning', reasoningItem, text),
    call: (name, text) => {
      if (name !== undefined) start(callItem(calleeOf(name), '', 'in_progress'));
      if (open?.type === 'function_call') open.arguments += text;
      pending += text;
    },
    flush,
    forgetPending: () => {
      pending = '';
    },
    finish: (status) => {
      if (output.length === 0) start(messageItem('', 'in_progress'));
      end(status);
    },
    cut: () => {
      if (open !== undefined) open.status = 'incomplete';
    },
  };
}
