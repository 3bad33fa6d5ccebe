import { Problem } from '../../../problems/problem.ts';
import { isHeld } from '../../../protocol/held-answer.ts';
import type { ChatInput, ChatMessage, ToolCall, ToolDeclaration } from '../../../protocol/messages.ts';
import { offeredTools } from '../../constraints/answer-grammar.ts';
import type { ToolFormat } from '../../constraints/tool-formats.ts';
import { type PromptCompletion, type TemplateMessage, type Tokenizer, withoutSeams } from '../library/tokenizer.ts';
import { isJsonObject, type JsonObject } from '../model-files.ts';
import { inTemplate } from './in-template.ts';
import { inPlainWords } from './plain-words.ts';
import { closingThoughts, type ThoughtFormat, thinkingVariables } from './thoughts.ts';

/** A forgotten `max_tokens` on a model with a context of 128,000 tokens must not hold a slot for an hour. */
const DEFAULT_MAX_NEW_TOKENS = 4_096;

/** Enough for any mark, whatever its tokens are. */
const END_TOKENS = 16;

type Conversation = Pick<ChatInput, 'messages' | 'tools' | 'toolChoice' | 'raw' | 'format' | 'reasoning'>;

/** How a model writes its calls and marks its thoughts. */
export type PromptFormats = { readonly tools: ToolFormat; readonly thoughts: ThoughtFormat | null };

/** Token ids of a conversation that ends where the assistant is to speak, or of a text that is to be continued. */
export function encodePrompt(tokenizer: Tokenizer, input: Conversation, formats: PromptFormats): number[] {
  if (input.raw !== undefined) return tokenizer.encode(input.messages[0]?.content ?? '', true);
  const { told, declared } = tellModel(input, formats.tools, tokenizer);
  const completion = completionOf(input, formats);
  const variables = completion?.variables;
  const made = inTemplate(told, {
    template: tokenizer.template,
    render: (messages) => tokenizer.renderChat(messages, declared, variables),
    make: (messages) => tokenizer.encodeChat(messages, declared, variables),
  });
  const ids = made ?? tokenizer.encode(withoutSeams(transcriptOf(told)), true);
  const end = completion?.endOf(endOfPrompt(tokenizer, ids)) ?? '';
  return end === '' ? ids : [...ids, ...tokenizer.encode(end, false)];
}

/** Whether a model can think before it answers: nothing holds its answer from the first token. */
export function canThink(input: Conversation, { tools, thoughts }: PromptFormats): boolean {
  if (input.raw !== undefined || isHeld(input)) return false;
  // A call without a mark is told by how an answer begins, and marks of channels are tokens that no grammar knows.
  return offeredTools(input).length === 0 || tools.mark !== null || thoughts === null || thoughts.silent === '';
}

/** What is said to a model that thinks of how it is to, or that it is not to. */
export function completionOf(input: Conversation, formats: PromptFormats): PromptCompletion | undefined {
  const { thoughts } = formats;
  const reasoning = canThink(input, formats) ? input.reasoning : false;
  if (thoughts === null || reasoning === undefined) return undefined;
  const endOf = (text: string): string => (reasoning === false ? closingThoughts(text, thoughts) : '');
  return { variables: thinkingVariables(reasoning), endOf };
}

/** The last of what a prompt says. */
export function endOfPrompt(tokenizer: Pick<Tokenizer, 'decode'>, ids: readonly number[]): string {
  return ids.length === 0 ? '' : tokenizer.decode(ids.slice(-END_TOKENS));
}

/** The messages and tools of a conversation as the model's template takes them. */
export function tellModel(input: Conversation, format: ToolFormat, { asWords }: Pick<Tokenizer, 'asWords'>) {
  const { messages, tools: offered = [] } = inPlainWords(input, asWords);
  const tools = input.toolChoice === 'none' ? [] : offered;
  const { isInTemplate } = format;
  const told = isInTemplate ? messages.map(nativeMessage) : plainMessages(messages, tools, format);
  return { told, declared: isInTemplate && tools.length > 0 ? tools.map(declaration) : null };
}

/** A message for a template that knows calls; most templates want the arguments as a value, not as its text. */
function nativeMessage({ role, content, reasoning, pictures, toolCalls, toolCallId }: ChatMessage): TemplateMessage {
  return {
    role,
    content,
    // Most templates know thoughts by the first name, gpt-oss and LFM2.5 by the second.
    ...(reasoning === undefined ? {} : { reasoning_content: reasoning, thinking: reasoning }),
    ...(pictures === undefined ? {} : { pictures: pictures.map(({ at }) => at) }),
    ...(toolCallId === undefined ? {} : { tool_call_id: toolCallId }),
    ...(toolCalls === undefined ? {} : { tool_calls: toolCalls.map(nativeCall) }),
  };
}

function nativeCall({ id, name, arguments: text }: ToolCall): JsonObject {
  return { id, type: 'function', function: { name, arguments: argumentsOf(text) } };
}

function declaration({ name, description, parameters }: ToolDeclaration): JsonObject {
  const about = { name, ...(description === undefined ? {} : { description }) };
  return { type: 'function', function: { ...about, parameters: parameters ?? { type: 'object', properties: {} } } };
}

/** An object, whatever was sent: some templates go through its members. A call that was cut off comes back as the text that it has. */
function argumentsOf(text: string): JsonObject {
  if (text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    if (isJsonObject(value)) return value;
  } catch {}
  return { arguments: text };
}

/** The same conversation for a template that knows nothing of tools. */
function plainMessages(
  messages: readonly ChatMessage[],
  tools: readonly ToolDeclaration[],
  format: ToolFormat,
): TemplateMessage[] {
  const plain = messages.map((message): TemplateMessage => {
    const { role, content, toolCalls = [], toolCallId, ...rest } = message;
    if (role === 'tool') return { role: 'user', content: `Result of ${calledName(messages, toolCallId)}: ${content}` };
    const calls = toolCalls.map((call) => writtenCall(call, format));
    const said = [content, ...calls].filter((part) => part !== '').join('\n');
    return nativeMessage({ ...rest, role, content: role === 'user' ? content : said });
  });
  if (tools.length === 0) return plain;
  const [first, ...rest] = plain;
  const help = instructions(tools, format);
  if (first?.role !== 'system') return [{ role: 'system', content: help }, ...plain];
  return [{ role: 'system', content: `${first.content}\n\n${help}` }, ...rest];
}

function calledName(messages: readonly ChatMessage[], callId: string | undefined): string {
  const calls = messages.flatMap(({ toolCalls }) => toolCalls ?? []);
  return calls.find(({ id }) => id === callId)?.name ?? 'the function';
}

function writtenCall(call: ToolCall, format: ToolFormat): string {
  return `${format.open}${call.name}${format.between}${call.arguments}${format.close}`;
}

function instructions(tools: readonly ToolDeclaration[], format: ToolFormat): string {
  const lines = tools.map((tool) => JSON.stringify(declaration(tool).function));
  const example = `${format.open}NAME${format.between}{…}${format.close}`;
  return `You can call these functions:\n${lines.join('\n')}\nTo call one, answer with nothing but ${example}`;
}

/** For models without a chat template: a transcript that any language model can continue. */
export function transcriptOf(messages: readonly TemplateMessage[]): string {
  return `${messages.map(({ role, content }) => `${role}: ${content}\n`).join('')}assistant:`;
}

/** How many tokens may be made; throws `context_length_exceeded` when the prompt leaves room for none. */
export function tokenBudget(
  promptTokens: number,
  { maxTokens, raw }: Pick<ChatInput, 'maxTokens' | 'raw'>,
  contextLength: number,
): number {
  const room = contextLength - promptTokens;
  if (room < 1) {
    const what = raw === undefined ? 'messages' : 'prompt';
    throw new Problem(
      'context_length_exceeded',
      // Programs answer an overflow by shortening. LangChain knows it by the first sentence, LiteLLM by the middle of the second.
      `The prompt is too long. The ${what} ${raw === undefined ? 'have' : 'has'} ${promptTokens} tokens, which is longer than the model's context length: ` +
        `it reads at most ${contextLength}, its answer included. Shorten the ${what} or choose a model with a longer context.`,
      { param: what },
    );
  }
  return Math.min(room, maxTokens ?? DEFAULT_MAX_NEW_TOKENS);
}
