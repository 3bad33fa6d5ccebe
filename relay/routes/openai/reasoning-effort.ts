import type { ChatCompletionRequest } from '../../../shared/api/chat.ts';
import type { ChatInput } from '../../../shared/protocol/messages.ts';

type Asked = Pick<ChatCompletionRequest, 'reasoning_effort' | 'reasoning' | 'chat_template_kwargs'>;
type Told = Readonly<Record<string, unknown>> | null | undefined;

/** Efforts as OpenAI names them; templates know three. */
const EFFORTS = new Map<unknown, ChatInput['reasoning']>([
  ['none', false],
  ['minimal', 'low'],
  ['low', 'low'],
  ['medium', 'medium'],
  ['high', 'high'],
  ['xhigh', 'high'],
  ['max', 'high'],
]);
/** As OpenRouter has it, and the programs that serve open models; what OpenAI has a word for wins. */
const ENABLED = ['enabled'];
const SWITCHES = ['enable_thinking', 'thinking'];

/** How a model is to think, where the body says so. */
export function readEffort(body: Asked): Pick<ChatInput, 'reasoning'> {
  const { reasoning_effort: effort, reasoning: asked, chat_template_kwargs: told } = body;
  const named = EFFORTS.get(effort ?? asked?.effort ?? told?.reasoning_effort);
  const reasoning = named ?? switched(asked, ENABLED) ?? budgeted(asked) ?? switched(told, SWITCHES);
  return reasoning === undefined ? {} : { reasoning };
}

function switched(told: Told, names: readonly string[]): ChatInput['reasoning'] {
  const [isOn] = names.flatMap((name) => (typeof told?.[name] === 'boolean' ? [told[name]] : []));
  if (isOn === undefined) return undefined;
  return isOn ? 'medium' : false;
}

/** Whoever gives a budget wants thoughts, though no template knows how many. */
function budgeted(asked: Told): ChatInput['reasoning'] {
  const budget = asked?.max_tokens;
  return typeof budget === 'number' && budget > 0 ? 'medium' : undefined;
}

/** What of it says nothing that is known here. */
export function ignoredEfforts({ reasoning_effort: effort, reasoning, chat_template_kwargs: told }: Asked): string[] {
  return [
    ...(effort == null || EFFORTS.has(effort) ? [] : ['reasoning_effort']),
    ...unknownMembers('reasoning', reasoning, 'effort', ENABLED),
    ...unknownMembers('chat_template_kwargs', told, 'reasoning_effort', SWITCHES),
  ];
}

function unknownMembers(param: string, told: Told, effort: string, switches: readonly string[]): string[] {
  const isKnown = (name: string, value: unknown): boolean =>
    value == null || (switches.includes(name) ? typeof value === 'boolean' : name === effort && EFFORTS.has(value));
  const others = Object.entries(told ?? {}).filter(([name, value]) => !isKnown(name, value));
  return others.map(([name]) => `${param}.${name}`);
}
