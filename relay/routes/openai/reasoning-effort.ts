import type { ChatCompletionRequest } from '../../../shared/api/chat.ts';
import type { ChatInput } from '../../../shared/protocol/messages.ts';

type Asked = Pick<ChatCompletionRequest, 'reasoning_effort' | 'chat_template_kwargs'>;

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
/** As the programs that serve open models alone have it; what OpenAI has a word for wins. */
const SWITCHES = ['enable_thinking', 'thinking'];

/** How a model is to think, where the body says so. */
export function readEffort({
  reasoning_effort: effort,
  chat_template_kwargs: told,
}: Asked): Pick<ChatInput, 'reasoning'> {
  const reasoning = EFFORTS.get(effort ?? told?.reasoning_effort) ?? switched(told);
  return reasoning === undefined ? {} : { reasoning };
}

function switched(told: Asked['chat_template_kwargs']): ChatInput['reasoning'] {
  const [isOn] = SWITCHES.flatMap((name) => (typeof told?.[name] === 'boolean' ? [told[name]] : []));
  if (isOn === undefined) return undefined;
  return isOn ? 'medium' : false;
}

/** What of it says nothing that is known here. */
export function ignoredEfforts({ reasoning_effort: effort, chat_template_kwargs: told }: Asked): string[] {
  const isKnown = (name: string, value: unknown): boolean =>
    value == null ||
    (SWITCHES.includes(name) ? typeof value === 'boolean' : name === 'reasoning_effort' && EFFORTS.has(value));
  const others = Object.entries(told ?? {}).filter(([name, value]) => !isKnown(name, value));
  const named = others.map(([name]) => `chat_template_kwargs.${name}`);
  return effort == null || EFFORTS.has(effort) ? named : ['reasoning_effort', ...named];
}
