import type { ChatInput } from './messages.ts';

/** Whether an answer must have a form that only a node that holds its model to one can promise (SPEC S14). */
export function isHeld({ format, toolChoice = 'auto' }: Pick<ChatInput, 'format' | 'toolChoice'>): boolean {
  return format !== undefined || (toolChoice !== 'auto' && toolChoice !== 'none');
}
