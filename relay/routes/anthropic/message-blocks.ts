import type { AnswerBlock } from '../../../shared/api/messages.ts';
import type { AnswerParts, WriteEvent } from '../openai/part-events.ts';
import { textBlock, thinkingBlock, toolUseBlock } from './message-object.ts';

/** The blocks of a message as they are made. Each is started, told in deltas, and stopped before the next is started. */
export type MessageBlocks = AnswerParts & {
  /** What the calls so far were given, as text. */
  readonly calls: readonly { arguments: string }[];
  /** Stops the block that is open; of a message without any there is one text, which is empty. */
  finish(): void;
};

export function createMessageBlocks(write: WriteEvent): MessageBlocks {
  const calls: { arguments: string }[] = [];
  let index = -1;
  let open: AnswerBlock['type'] | undefined;
  let pending = '';

  const flush = (): void => {
    const told = pending;
    pending = '';
    if (told === '') return;
    write('content_block_delta', { index, delta: deltaOf(open, told) });
  };
  const stop = (): void => {
    flush();
    if (open !== undefined) write('content_block_stop', { index });
    open = undefined;
  };
  const start = (block: AnswerBlock): void => {
    stop();
    index += 1;
    open = block.type;
    write('content_block_start', { index, content_block: block });
  };
  return {
    calls,
    get pending() {
      return pending;
    },
    say: (text) => {
      // Tokens without text are no block.
      if (text === '') return;
      if (open !== 'text') start(textBlock(''));
      pending += text;
    },
    think: (text) => {
      if (text === '') return;
      if (open !== 'thinking') start(thinkingBlock(''));
      pending += text;
    },
    call: (name, text) => {
      if (name !== undefined) {
        start(toolUseBlock(name));
        calls.push({ arguments: '' });
      }
      const called = calls.at(-1);
      if (called === undefined) return;
      // Of a call that takes nothing some models write a blank, which clients would read as JSON.
      const told = called.arguments === '' ? text.trimStart() : text;
      called.arguments += told;
      pending += told;
    },
    flush,
    forgetPending: () => {
      pending = '';
    },
    finish: () => {
      if (index < 0) start(textBlock(''));
      stop();
    },
  };
}

function deltaOf(block: AnswerBlock['type'] | undefined, told: string): object {
  if (block === 'text') return { type: 'text_delta', text: told };
  return block === 'thinking'
    ? { type: 'thinking_delta', thinking: told }
    : { type: 'input_json_delta', partial_json: told };
}
