import type { ChatMessage, ChatPicture } from '../../../shared/protocol/messages.ts';

/** Stands where a tool showed a picture. */
const MARK = '[picture]';

/**
 * Models hear tools in words alone: what tools showed is shown by the user, before what the user says next, in the order in which
 * it is marked in what they gave.
 */
export function showPicturesOfTools(messages: readonly ChatMessage[]): ChatMessage[] {
  const told: ChatMessage[] = [];
  let shown: ChatPicture[] = [];
  for (const message of messages) {
    if (message.role === 'tool') {
      const { pictures = [], ...heard } = message;
      shown.push(...pictures.map(({ url }) => ({ at: 0, url })));
      told.push({ ...heard, content: marked(message) });
      continue;
    }
    const isNext = message.role === 'user';
    if (shown.length > 0) told.push(shownBy(shown, isNext ? message : undefined));
    if (shown.length === 0 || !isNext) told.push(message);
    shown = [];
  }
  return shown.length === 0 ? told : [...told, shownBy(shown)];
}

/** A user who shows this, and says what the message holds. */
function shownBy(shown: readonly ChatPicture[], message?: ChatMessage): ChatMessage {
  return { content: message?.content ?? '', pictures: [...shown, ...(message?.pictures ?? [])], role: 'user' };
}

function marked({ content, pictures = [] }: ChatMessage): string {
  let text = '';
  let told = 0;
  for (const { at } of pictures) {
    text += content.slice(told, at) + MARK;
    told = at;
  }
  return text + content.slice(told);
}
