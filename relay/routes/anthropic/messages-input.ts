import type { ChatCompletionRequest } from '../../../shared/api/chat.ts';
import type { ContentBlock, MessagesRequest } from '../../../shared/api/messages.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { needed } from '../openai/needed-member.ts';
import type { Place } from '../openai/own-terms.ts';

type Message = ChatCompletionRequest['messages'][number];
type Said = NonNullable<Message['content']>;
type Part = Exclude<Said, string>[number];
type PlacedBlock = { readonly block: ContentBlock; readonly at: string };

/** A conversation, with the place in the request of each of its messages. */
export type Conversation = { readonly messages: Message[]; readonly places: Place[] };

/** The blocks of a request as the messages of a chat. Errors: `unsupported_content`, `missing_required_parameter`, `invalid_value`. */
export function readConversation({
  system,
  messages: asked,
}: Pick<MessagesRequest, 'system' | 'messages'>): Conversation {
  const conversation: Conversation = { messages: [], places: [] };
  const told = systemText(system);
  if (told !== '') add({ role: 'system', content: told }, 'system', conversation);
  for (const [index, { role, content }] of asked.entries()) {
    const at = `messages.${index}`;
    if (typeof content === 'string') add({ role, content }, at, conversation);
    else addBlocks(role, content, at, conversation);
  }
  if (asked.at(-1)?.role !== 'assistant') return conversation;
  const sentence =
    'Models here do not go on with what an assistant has begun to say. Let the last message be of the user.';
  throw new Problem('invalid_value', sentence, { param: `messages.${asked.length - 1}.role` });
}

/** Each block is a paragraph of its own. */
function systemText(system: MessagesRequest['system']): string {
  if (system == null || typeof system === 'string') return system ?? '';
  return system.map((block, at) => textOf(block, `system.${at}`)).join('\n\n');
}

function add(message: Message, place: Place, { messages, places }: Conversation): void {
  messages.push(message);
  places.push(place);
}

function addBlocks(role: string, content: readonly ContentBlock[], at: string, conversation: Conversation): void {
  const placed = content.map((block, index) => ({ block, at: `${at}.content.${index}` }));
  const blocks = placed.filter((block) => isRead(role, block));
  const [misplaced] = blocks.filter(({ block: { type } }) => OWN_ROLE.has(type) && OWN_ROLE.get(type) !== role);
  if (misplaced !== undefined) {
    const { type } = misplaced.block;
    const sentence = `A block of the type "${type}" belongs into a message of the role "${OWN_ROLE.get(type)}".`;
    throw new Problem('invalid_value', sentence, { param: `${misplaced.at}.type` });
  }
  if (role === 'assistant') addAssistant(blocks, at, conversation);
  else addSaid(role, blocks, at, conversation);
}

/** What a tool gave is a message of its own in a chat. */
function addSaid(role: string, blocks: readonly PlacedBlock[], at: string, conversation: Conversation): void {
  let said: PlacedBlock[] = [];
  const flush = (): void => {
    if (said.length > 0) addParts(role, said, at, conversation);
    said = [];
  };
  for (const placed of blocks) {
    if (placed.block.type !== 'tool_result') {
      said.push(placed);
      continue;
    }
    flush();
    addToolResult(placed, conversation);
  }
  flush();
  if (blocks.length === 0) add({ role, content: '' }, at, conversation);
}

/** Which types only one side says. */
const OWN_ROLE = new Map([
  ['tool_use', 'assistant'],
  ['tool_result', 'user'],
]);
/** What a model elsewhere thought and keeps to itself; nobody else's thoughts are read. */
function isRead(role: string, { block: { type } }: PlacedBlock): boolean {
  return type !== 'redacted_thinking' && (type !== 'thinking' || role === 'assistant');
}

function addParts(role: string, said: readonly PlacedBlock[], at: string, conversation: Conversation): void {
  const content = said.map(({ block, at: place }) => partOf(block, place));
  add({ role, content }, { at, parts: said.map(({ at: place }) => place) }, conversation);
}

/** What was said and called in one turn is one message of a chat. */
function addAssistant(blocks: readonly PlacedBlock[], at: string, conversation: Conversation): void {
  const said = blocks.filter(({ block }) => block.type !== 'tool_use' && block.type !== 'thinking');
  const thoughts = blocks.flatMap(({ block }) => (block.type === 'thinking' ? [block.thinking ?? ''] : [])).join('\n');
  const calls = blocks.filter(({ block }) => block.type === 'tool_use').map(callOf);
  const content = said.map(({ block, at: place }) => textOf(block, place)).join('');
  const message = {
    ...{ role: 'assistant', content: content === '' && calls.length > 0 ? null : content },
    ...(thoughts === '' ? {} : { reasoning_content: thoughts }),
  };
  add(calls.length === 0 ? message : { ...message, tool_calls: calls }, at, conversation);
}

function callOf({ block, at }: PlacedBlock): NonNullable<Message['tool_calls']>[number] {
  const input = needed(block, 'input', at);
  if (typeof input !== 'object' || Array.isArray(input)) {
    throw new Problem('invalid_value', 'What a tool is called with is an object.', { param: `${at}.input` });
  }
  const called = { name: needed(block, 'name', at), arguments: JSON.stringify(input) };
  return { id: needed(block, 'id', at), type: 'function', function: called };
}

function addToolResult({ block, at }: PlacedBlock, conversation: Conversation): void {
  const id = needed(block, 'tool_use_id', at);
  const given = block.content ?? '';
  const parts =
    typeof given === 'string' ? [{ type: 'text' as const, text: given }] : given.map(partAt(`${at}.content`));
  // A chat has no other word for it.
  const content = block.is_error === true ? [{ type: 'text' as const, text: 'Error: ' }, ...parts] : parts;
  const places = parts.map((_part, index) => `${at}.content.${index}`);
  const place = { at, parts: block.is_error === true ? [at, ...places] : places };
  add({ role: 'tool', tool_call_id: id, content }, place, conversation);
}

function partAt(place: string): (block: Pick<ContentBlock, 'type' | 'text' | 'source'>, index: number) => Part {
  return (block, index) => partOf(block, `${place}.${index}`);
}

function partOf(block: Pick<ContentBlock, 'type' | 'text' | 'source'>, at: string): Part {
  if (block.type !== 'image') return { type: 'text', text: textOf(block, at) };
  const url = addressOf(needed(block, 'source', at));
  if (url !== undefined) return { type: 'image_url', image_url: { url } };
  const sentence =
    'A picture here has a source of the type "base64" with its data, or of the type "url" with its address.';
  throw new Problem('unsupported_content', sentence, { param: `${at}.source` });
}

function addressOf(source: NonNullable<ContentBlock['source']>): string | undefined {
  if (typeof source === 'string') return undefined;
  const { type, media_type: mediaType, data, url } = source;
  if (type === 'url') return url ?? undefined;
  return type === 'base64' && data != null ? `data:${mediaType ?? ''};base64,${data}` : undefined;
}

function textOf(block: Pick<ContentBlock, 'type' | 'text'>, at: string): string {
  if (block.type === 'text') return needed(block, 'text', at);
  const sentence =
    block.type === 'image'
      ? 'Only a user or a tool shows pictures.'
      : `Models here read text, pictures and what tools gave, not blocks of the type "${block.type.slice(0, 40)}".`;
  throw new Problem('unsupported_content', sentence, { param: at });
}
