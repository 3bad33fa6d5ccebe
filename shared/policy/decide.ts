import { Problem } from '../problems/problem.ts';
import type { JobInput, JobRequest } from '../protocol/messages.ts';
import type { JobType } from '../protocol/subjects.ts';
import type { Choice, NodePolicy, PublicPolicy } from './node-policy.ts';
import type { WeeklyHours } from './weekly-hours.ts';

/** Who asks when the owner of the relay does, past its HTTP API. */
export const OPERATOR_CLIENT = 'operator';

/** How much of everything a job is. */
export type JobSize = {
  readonly inputCharacters: number;
  readonly inputs: number;
  readonly outputTokens: number | null;
};

export type Asked = { readonly type: JobType; readonly model: string; readonly client: string; readonly size: JobSize };

/** What a policy says of a moment. */
export type Opening = Pick<PublicPolicy, 'open' | 'reason' | 'changes_at'>;

export function openingAt({ paused }: NodePolicy, hours: WeeklyHours | undefined, at: number): Opening {
  if (paused === true) return { open: false, reason: 'Its owner has paused it.', changes_at: null };
  if (hours === undefined) return { open: true, reason: null, changes_at: null };
  const open = hours.isOpen(at);
  return { open, reason: open ? null : 'It is outside its hours.', changes_at: hours.changesAt(at) };
}

/**
 * Why the owner does not let the node run this; undefined when nothing speaks against it. The sentence ends "… is not
 * allowed", so that node and relay can each say whose policy it is. Never repeats any input.
 */
export function objectionTo(
  asked: Asked,
  policy: Pick<NodePolicy, 'services' | 'models' | 'clients' | 'sizes'>,
): string | undefined {
  const { services, models, clients, sizes = {} } = policy;
  const { inputCharacters, inputs, outputTokens } = asked.size;
  if (!isChosen(asked.type, services)) return `The service ${asked.type}`;
  if (!isChosen(asked.model, models)) return `The model ${asked.model}`;
  if (!isChosen(asked.client, clients)) return 'This client';
  if (exceeds(inputCharacters, sizes.input_characters)) return `An input of ${inputCharacters} characters`;
  if (exceeds(inputs, sizes.inputs)) return `A job of ${inputs} texts`;
  if (exceeds(outputTokens ?? 0, sizes.output_tokens)) return `An answer of ${outputTokens} tokens`;
  return undefined;
}

export function policyRefused(what: string): Problem {
  return new Problem('policy_refused', `${what} is not allowed on this node by its owner.`);
}

/** Measures a job the same way on both sides. */
export function sizeOf({ type, input }: { type: JobType; input: JobInput }): JobSize {
  if (type === 'llm') {
    const { messages, maxTokens } = input as Extract<JobRequest, { type: 'llm' }>['input'];
    return { inputCharacters: sum(messages.map(({ content }) => content.length)), inputs: 1, outputTokens: maxTokens };
  }
  if (type === 'embed') {
    const { inputs } = input as Extract<JobRequest, { type: 'embed' }>['input'];
    return { inputCharacters: sum(inputs.map(({ length }) => length)), inputs: inputs.length, outputTokens: null };
  }
  return { inputCharacters: JSON.stringify(input).length, inputs: 1, outputTokens: null };
}

function isChosen(name: string, { allow, deny }: Choice = {}): boolean {
  if (deny?.some((pattern) => fits(name, pattern)) === true) return false;
  return allow?.some((pattern) => fits(name, pattern)) ?? true;
}

/** `*` stands for any characters. Without expressions, so that no pattern of an owner can take long. */
function fits(name: string, pattern: string): boolean {
  const [head = '', ...rest] = pattern.split('*');
  if (!name.startsWith(head)) return false;
  const tail = rest.pop();
  if (tail === undefined) return name === head;
  let at = head.length;
  for (const piece of rest) {
    const found = name.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return name.length - tail.length >= at && name.endsWith(tail);
}

function exceeds(value: number, limit: number | undefined): boolean {
  return limit !== undefined && value > limit;
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
