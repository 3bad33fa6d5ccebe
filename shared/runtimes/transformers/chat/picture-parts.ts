import type { TemplateMessage } from '../library/tokenizer.ts';

/** Whether a chat template goes through the parts of a message, and knows that one can be a picture. */
export function readsParts(template: string | null): boolean {
  return template !== null && /\bimage\b/.test(template);
}

/** The message with a list of its parts for its content, as templates that know pictures want it, also without any. */
export function messageInParts({ pictures = [], content, ...message }: TemplateMessage): TemplateMessage {
  const parts: object[] = [];
  const text = (from: number, to: number): void => {
    if (to > from) parts.push({ type: 'text', text: content.slice(from, to) });
  };
  let done = 0;
  for (const at of pictures) {
    text(done, at);
    parts.push({ type: 'image' });
    done = at;
  }
  text(done, content.length);
  // Some templates look at the first part, whatever the message.
  if (parts.length === 0) parts.push({ type: 'text', text: '' });
  // Past the type: the content is whatever the template makes of it.
  return { ...message, content: parts } as unknown as TemplateMessage;
}

/** The message with the mark of a picture in its text, for templates that know nothing of pictures. */
export function messageWithMarks(
  { pictures = [], content, ...message }: TemplateMessage,
  mark: string,
): TemplateMessage {
  let text = '';
  let done = 0;
  for (const at of pictures) {
    text += content.slice(done, at) + mark;
    done = at;
  }
  return { ...message, role: message.role, content: text + content.slice(done) };
}
