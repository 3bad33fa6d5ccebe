import type { ChatInput, ChatMessage, ToolDeclaration } from '../../../protocol/messages.ts';
import { isJsonObject } from '../model-files.ts';

type Told = Pick<ChatInput, 'messages' | 'tools'>;

/**
 * The conversation with all that users, tools and earlier answers say as words, of whatever a tokenizer would take for its marks:
 * `asWords` changes a text so that it does not. Else a web page that an agent reads could end its own turn and begin one of the
 * system. What the system says stays as it is: it is the developer's, and some models are told by such a mark in it how to answer.
 */
export function inPlainWords({ messages, tools }: Told, asWords: (text: string) => string): Told {
  return {
    messages: messages.map((message) => (message.role === 'system' ? message : plainMessage(message, asWords))),
    ...(tools === undefined ? {} : { tools: tools.map((tool) => plainTool(tool, asWords)) }),
  };
}

function plainMessage(message: ChatMessage, asWords: (text: string) => string): ChatMessage {
  const { content, pictures, reasoning, toolCalls } = message;
  return {
    ...message,
    content: asWords(content),
    ...(pictures === undefined
      ? {}
      : { pictures: pictures.map((picture) => ({ ...picture, at: asWords(content.slice(0, picture.at)).length })) }),
    ...(reasoning === undefined ? {} : { reasoning: asWords(reasoning) }),
    ...(toolCalls === undefined
      ? {}
      : { toolCalls: toolCalls.map((call) => ({ ...call, arguments: asWords(call.arguments) })) }),
  };
}

function plainTool(tool: ToolDeclaration, asWords: (text: string) => string): ToolDeclaration {
  const { description, parameters } = tool;
  return {
    ...tool,
    ...(description === undefined ? {} : { description: asWords(description) }),
    ...(parameters === undefined ? {} : { parameters: plainValue(parameters, asWords) }),
  };
}

function plainValue(value: unknown, asWords: (text: string) => string): unknown {
  if (typeof value === 'string') return asWords(value);
  if (Array.isArray(value)) return value.map((item) => plainValue(item, asWords));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [asWords(key), plainValue(item, asWords)]));
}
