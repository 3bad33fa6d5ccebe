import type { ChatCompletionRequest } from '../../../shared/api/chat.ts';
import type { InputItem, ResponsesRequest } from '../../../shared/api/responses.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { needed } from './needed-member.ts';
import type { Place } from './own-terms.ts';
import type { ResponseTools } from './response-tools.ts';

type Message = ChatCompletionRequest['messages'][number];
type Said = NonNullable<Message['content']>;
type Part = Exclude<Said, string>[number];

/** A conversation, with the place in the request of each of its messages. */
export type Conversation = {
  messages: Message[];
  places: Place[];
  /** What the assistant thought before what comes next. */
  thoughts: string;
};

/** The items of a request as the messages of a chat. Errors: `unsupported_content`, `missing_required_parameter`. */
export function readInput({ input, instructions }: ResponsesRequest, tools: ResponseTools): Conversation {
  const conversation: Conversation = { messages: [], places: [], thoughts: '' };
  const { messages, places } = conversation;
  if (instructions != null && instructions !== '') {
    messages.push({ role: 'system', content: instructions });
    places.push('instructions');
  }
  if (typeof input === 'string') {
    messages.push({ role: 'user', content: input });
    places.push('input');
    return conversation;
  }
  for (const [index, item] of input.entries()) addItem(item, `input.${index}`, conversation, tools);
  return conversation;
}

function addItem(item: InputItem, place: string, conversation: Conversation, tools: ResponseTools): void {
  switch (item.type ?? 'message') {
    case 'message':
      addMessage(item, place, conversation);
      return;
    case 'function_call':
      addCall(item, place, conversation, tools);
      return;
    case 'function_call_output':
      addOutput(item, place, conversation);
      return;
    case 'reasoning':
      conversation.thoughts = thoughtsOf(item);
      return;
    case 'item_reference':
      throw new Problem(
        'unsupported_content',
        'This relay keeps no responses, so that nothing can be referred to. Send the items themselves: clients do with store: false.',
        { param: place },
      );
    default:
      throw new Problem('unsupported_content', `Models here read no items of the type "${item.type?.slice(0, 40)}".`, {
        param: place,
      });
  }
}

/** What a model said in one turn are several items here, and one message in a chat: its calls, and what it said behind one. */
function addMessage(item: InputItem, place: string, conversation: Conversation): void {
  const { messages, places } = conversation;
  const role = needed(item, 'role', place);
  const content = contentOf(item.content ?? null, `${place}.content`);
  const last = messages.at(-1);
  const thoughts = takeThoughts(conversation);
  if (role !== 'assistant' || last?.role !== role || last.tool_calls === undefined) {
    messages.push({ role, content, ...(role === 'assistant' ? thoughts : {}) });
    places.push(place);
    return;
  }
  const at = places.pop() ?? place;
  places.push({
    at: typeof at === 'string' ? at : at.at,
    parts: [...partPlaces(last.content, at), ...partPlaces(content, place)],
  });
  last.content = [...partsOf(last.content), ...partsOf(content)];
}

function addCall(item: InputItem, place: string, conversation: Conversation, tools: ResponseTools): void {
  const { messages, places } = conversation;
  const id = needed(item, 'call_id', place);
  const callee = {
    name: needed(item, 'name', place),
    ...(item.namespace == null ? {} : { namespace: item.namespace }),
  };
  const called = { name: tools.nameOf(callee), arguments: needed(item, 'arguments', place) };
  const call = { id, type: 'function' as const, function: called };
  const last = messages.at(-1);
  if (last?.role === 'assistant') {
    last.tool_calls = [...(last.tool_calls ?? []), call];
    return;
  }
  messages.push({ role: 'assistant', content: null, tool_calls: [call], ...takeThoughts(conversation) });
  places.push(place);
}

/** What the assistant thought stands before what it said or called. */
function takeThoughts(conversation: Conversation): Pick<Message, 'reasoning_content'> {
  const { thoughts } = conversation;
  conversation.thoughts = '';
  return thoughts === '' ? {} : { reasoning_content: thoughts };
}

/** As far as they were told: elsewhere they are kept secret, and a summary is none of them. */
function thoughtsOf({ content }: InputItem): string {
  if (content == null || typeof content === 'string') return content ?? '';
  return content.map(({ type, text }) => (type === 'reasoning_text' ? (text ?? '') : '')).join('\n');
}

function addOutput(item: InputItem, place: string, { messages, places }: Conversation): void {
  const id = needed(item, 'call_id', place);
  const output = needed(item, 'output', place);
  messages.push({ role: 'tool', tool_call_id: id, content: contentOf(output, `${place}.output`) });
  const parts = typeof output === 'string' ? [] : output.map((_part, at) => `${place}.output.${at}`);
  places.push({ at: place, parts });
}

function partPlaces(content: Said | null | undefined, place: Place): readonly string[] {
  if (typeof place !== 'string') return place.parts;
  return partsOf(content).map((_part, at) => `${place}.content.${at}`);
}

function partsOf(content: Said | null | undefined): Part[] {
  if (content == null) return [];
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content;
}

function contentOf(content: NonNullable<InputItem['output']> | null, param: string): Said | null {
  if (content === null || typeof content === 'string') return content;
  return content.map((part, at): Part => {
    if (part.type === 'input_text' || part.type === 'output_text') return { type: 'text', text: part.text } as Part;
    if (part.type === 'input_image' && part.image_url != null) {
      return { type: 'image_url', image_url: { url: part.image_url, detail: part.detail } } as Part;
    }
    const sentence = `Models here read text and pictures with an address, not "${part.type.slice(0, 40)}" as it was sent.`;
    throw new Problem('unsupported_content', sentence, { param: `${param}.${at}` });
  });
}
