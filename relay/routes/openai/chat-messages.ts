import type { ChatCompletionRequest } from '../../../shared/api/chat.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import type { ChatMessage, ChatPicture } from '../../../shared/protocol/messages.ts';
import { readPicture, type SeePicture } from './chat-pictures.ts';
import { showPicturesOfTools } from './tool-pictures.ts';

type RequestMessage = ChatCompletionRequest['messages'][number];

const ROLES: Record<string, ChatMessage['role']> = {
  system: 'system',
  developer: 'system',
  user: 'user',
  assistant: 'assistant',
  tool: 'tool',
};

/**
 * The conversation as a node reads it, and the pictures in it, which `seePicture` is told of. A tool's message must answer
 * a call that was made before it.
 */
export function readMessages(messages: readonly RequestMessage[], seePicture: SeePicture): ChatMessage[] {
  const calls = new Set<string>();
  const read = messages.map((message, index) => {
    const one = readMessage(message, index, calls, seePicture);
    for (const { id } of one.toolCalls ?? []) calls.add(id);
    return one;
  });
  return read.some(({ role, pictures }) => role === 'tool' && pictures !== undefined)
    ? showPicturesOfTools(read)
    : read;
}

function readMessage(
  message: RequestMessage,
  index: number,
  calls: ReadonlySet<string>,
  seePicture: SeePicture,
): ChatMessage {
  const role = ROLES[message.role];
  if (role === undefined) throw unsupportedRole(message.role, index);
  // In the order of canonical JSON, as all of the input.
  const { reasoning_content: reasoning } = message;
  const thought = role === 'assistant' && reasoning ? { reasoning } : undefined;
  const read: ChatMessage = { ...readContent(message, index, seePicture), ...thought, role };
  if (role === 'tool') read.toolCallId = readCallId(message, index, calls);
  const made = message.tool_calls ?? [];
  if (made.length === 0) return read;
  if (role !== 'assistant') {
    throw new Problem('invalid_value', 'Only an assistant calls tools.', { param: `messages.${index}.tool_calls` });
  }
  return {
    ...read,
    toolCalls: made.map(({ id, function: { name, arguments: text } }) => ({ id, name, arguments: text })),
  };
}

function readCallId(message: RequestMessage, index: number, calls: ReadonlySet<string>): string {
  const param = `messages.${index}.tool_call_id`;
  const id = message.tool_call_id;
  if (id === undefined || id === null) {
    throw new Problem('missing_required_parameter', `Missing required parameter: '${param}'.`, { param });
  }
  if (calls.has(id)) return id;
  throw new Problem('invalid_value', 'No earlier message of the assistant has a tool call with this id.', { param });
}

function unsupportedRole(role: string, index: number): Problem {
  const param = `messages.${index}.role`;
  if (role === 'function') {
    return new Problem('unsupported_content', 'Messages of the role "function" are not supported. Use "tool".', {
      param,
    });
  }
  return new Problem('invalid_value', `The role must be system, developer, user, assistant or tool, not "${role}".`, {
    param,
  });
}

type Content = Pick<ChatMessage, 'content' | 'pictures'>;

function readContent(message: RequestMessage, index: number, seePicture: SeePicture): Content {
  const { content } = message;
  if (typeof content === 'string') return { content };
  if (content === undefined || content === null) {
    if (message.role === 'assistant') return { content: '' };
    throw new Problem('missing_required_parameter', 'A message needs content.', { param: `messages.${index}.content` });
  }
  let text = '';
  const pictures: ChatPicture[] = [];
  for (const [at, part] of content.entries()) {
    const param = `messages.${index}.content.${at}`;
    if (part.type === 'image_url')
      pictures.push({ at: text.length, url: readPicture(part, message.role, param, seePicture) });
    else text += readText(part, param);
  }
  return pictures.length === 0 ? { content: text } : { content: text, pictures };
}

function readText(part: { type: string; text?: unknown }, param: string): string {
  if (part.type === 'text' && typeof part.text === 'string') return part.text;
  if (part.type === 'text') {
    const code = part.text === undefined ? 'missing_required_parameter' : 'invalid_value';
    throw new Problem(code, 'A text part needs a text, as a string.', { param: `${param}.text` });
  }
  throw new Problem('unsupported_content', `Models here read text and pictures, not "${part.type}".`, { param });
}
