import { Problem } from '../../../problems/problem.ts';
import type { TemplateMessage } from '../library/tokenizer.ts';

type Messages = readonly TemplateMessage[];

export type TemplateUse<Made> = {
  readonly template: string | null;
  /** What the template makes of the messages, as text; `null` without a template. */
  render(messages: Messages): string | null;
  /** What is made of them. */
  make(messages: Messages): Made;
};

/**
 * What a chat template makes of a conversation. Programs put several messages of the system or of the user one after the other,
 * and word of the system anywhere; some templates refuse that, and some leave out without a word what they do not expect. Such
 * a conversation is told in other roles, with all of its words in their order. Errors: `invalid_value` where none of them will do.
 */
export function inTemplate<Made>(messages: Messages, { template, render, make }: TemplateUse<Made>): Made {
  const asked = withOneBeginning(messages);
  try {
    return make(leavesOut(asked, render) ? inTurns(asked) : asked);
  } catch (error) {
    for (const tell of [inTurns, withResults, withoutSystem, (all: Messages) => withoutSystem(withResults(all))]) {
      try {
        return make(tell(asked));
      } catch {
        // What it says of the messages as they were asked for is told.
      }
    }
    throw templateProblem(error, template);
  }
}

/**
 * What a template says that does not like the messages. It may put them into what it says, and a problem goes into logs and
 * records: its words are told where they stand in the template as they are, and nothing of the error itself is kept.
 */
function templateProblem(error: unknown, template: string | null): Problem {
  const said = error instanceof Error ? error.message : '';
  const reason = said !== '' && template?.includes(said) === true ? ` (${said})` : '';
  return new Problem(
    'invalid_value',
    `The model's chat template refuses these messages${reason}. Check the order and the roles of the messages.`,
    { param: 'messages' },
  );
}

/** Whether word of the system that comes later is missing in what the template makes. */
function leavesOut(messages: Messages, render: TemplateUse<unknown>['render']): boolean {
  const later = messages.slice(1).filter(({ role, content }) => role === 'system' && content.trim() !== '');
  if (later.length === 0) return false;
  const told = render(messages);
  return told !== null && later.some(({ content }) => !told.includes(content.trim()));
}

/** Of several messages of the system at the beginning many templates know one alone. */
function withOneBeginning(messages: Messages): Messages {
  const end = messages.findIndex(({ role }) => role !== 'system');
  const beginning = end === -1 ? messages : messages.slice(0, end);
  const [first, ...more] = beginning;
  if (first === undefined || more.length === 0) return messages;
  return [more.reduce(joined, first), ...messages.slice(beginning.length)];
}

/** One message of the system at most, which is the first, and turns of user and assistant. */
function inTurns(messages: Messages): Messages {
  const told: TemplateMessage[] = [];
  for (const [at, message] of messages.entries()) {
    const next = at > 0 && message.role === 'system' ? { ...message, role: 'user' } : message;
    const last = told.at(-1);
    if (last !== undefined && isOneTurn(last, next)) told[told.length - 1] = joined(last, next);
    else told.push(next);
  }
  return told;
}

/** What the assistant called comes before what it said next, and what it thought before each. */
function isOneTurn(last: TemplateMessage, next: TemplateMessage): boolean {
  if (last.role !== next.role) return false;
  return last.role === 'user' || (last.role === 'assistant' && !('tool_calls' in last || 'reasoning_content' in next));
}

/** The same where nobody may speak between what tools gave and the assistant: such words stand below the last result. */
function withResults(messages: Messages): Messages {
  const told: TemplateMessage[] = [];
  for (const message of inTurns(messages)) {
    const last = told.at(-1);
    if (last?.role === 'tool' && message.role === 'user') told[told.length - 1] = joined(last, message);
    else told.push(message);
  }
  return told;
}

/** The same for a template that knows no system: its words stand above the user's first. */
function withoutSystem(messages: Messages): Messages {
  const [first, second, ...rest] = inTurns(messages);
  if (first?.role !== 'system') return inTurns(messages);
  const asUser = { ...first, role: 'user' };
  if (second?.role === 'user') return [joined(asUser, second), ...rest];
  return second === undefined ? [asUser] : [asUser, second, ...rest];
}

/** One message below the other, in the role of the first. */
function joined(first: TemplateMessage, second: TemplateMessage): TemplateMessage {
  const gap = first.content === '' || second.content === '' ? '' : '\n\n';
  const content = `${first.content}${gap}${second.content}`;
  const shift = content.length - second.content.length;
  const pictures = [...(first.pictures ?? []), ...(second.pictures ?? []).map((at) => at + shift)];
  return { ...second, ...first, content, ...(pictures.length === 0 ? {} : { pictures }) };
}
