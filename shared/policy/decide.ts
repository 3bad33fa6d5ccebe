import { counted } from '../problems/counted.ts';
import type { ChatInput, EmbedInput, HeldFile, JobInput } from '../protocol/messages.ts';
import type { JobType } from '../protocol/subjects.ts';
import type { Choice, NodePolicy, PublicPolicy } from './node-policy.ts';
import type { WeeklyHours } from './weekly-hours.ts';

/** Who asks when the owner of the relay does, past its HTTP API. */
export const OPERATOR_CLIENT = 'operator';

/** How much of everything a job is. Texts have characters; pictures in chats and the JSON of other services have bytes. */
export type JobSize = {
  readonly inputCharacters: number;
  readonly inputBytes: number;
  readonly inputs: number;
  readonly outputTokens: number | null;
};

export type Asked = { readonly type: JobType; readonly model: string; readonly client: string; readonly size: JobSize };

/** What a policy says of a moment. */
export type Opening = Pick<PublicPolicy, 'open' | 'reason' | 'changes_at'>;

/** When and beside what a job would run: `running` counts the jobs that its client has on the node already. */
export type Moment = { readonly at: number; readonly hours: WeeklyHours | undefined; readonly running: number };

/** A no. `node_busy` is one that passes with the client's own jobs; `until` is when another passes, if that is known. */
export type Refusal = {
  readonly code: 'policy_refused' | 'node_busy';
  readonly sentence: string;
  readonly until: number | null;
};

/** Whether the owner lets the node run this at this moment; undefined is yes. Never repeats any input. */
export function decide(policy: NodePolicy, asked: Asked, { at, hours, running }: Moment): Refusal | undefined {
  const opening = openingAt(policy, hours, at);
  if (!opening.open) {
    return { code: 'policy_refused', sentence: closedSentence(opening, hours), until: opening.changes_at };
  }
  const objection = objectionTo(asked, policy);
  if (objection !== undefined) {
    return { code: 'policy_refused', sentence: `This node does not ${objection}.`, until: null };
  }
  const most = policy.jobs_per_client;
  if (most === undefined || running < most) return undefined;
  const sentence = `This node runs no more than ${counted(most, 'job')} of one client at a time.`;
  return { code: 'node_busy', sentence, until: null };
}

export function isOpenAt({ paused }: NodePolicy, hours: WeeklyHours | undefined, at: number): boolean {
  return paused !== true && (hours?.isOpen(at) ?? true);
}

export function openingAt(policy: NodePolicy, hours: WeeklyHours | undefined, at: number): Opening {
  if (policy.paused === true) return { open: false, reason: 'paused', changes_at: null };
  const open = isOpenAt(policy, hours, at);
  return { open, reason: open ? null : 'hours', changes_at: hours?.changesAt(at) ?? null };
}

/**
 * What the owner does not let the node do, and this job asks for; undefined when nothing. Goes on after "does not" or
 * "does not let it", so that node and relay can each say it. Never repeats any input.
 */
export function objectionTo(
  asked: Asked,
  policy: Pick<PublicPolicy, 'services' | 'models' | 'clients' | 'sizes'>,
): string | undefined {
  const { type, model, client, size } = asked;
  const { services, models, clients, sizes = {} } = policy;
  if (!isChosen(type, services)) return `run ${type} jobs`;
  if (!isChosen(model, models)) return `run ${model}`;
  if (!isChosen(client, clients)) return 'work for this client';
  return (
    tooMany(size.inputCharacters, sizes.input_characters, 'characters of input') ??
    tooMany(size.inputBytes, sizes.input_bytes, 'bytes of input') ??
    tooMany(size.inputs, sizes.inputs, 'texts at a time') ??
    tooMany(size.outputTokens ?? 0, sizes.output_tokens, 'tokens of answer')
  );
}

/** English text has about four characters per token; it matters only where a client has made tokens of its text. */
const CHARACTERS_PER_TOKEN = 4;

/** Measures a job the same way on both sides. */
export function sizeOf({ type, input }: { type: JobType; input: JobInput }): JobSize {
  if (type === 'llm') {
    const { messages, maxTokens, choices = 1 } = input as ChatInput;
    const outputTokens = maxTokens === null ? null : maxTokens * choices;
    return {
      inputCharacters: charactersRead(input as ChatInput),
      inputBytes: picturesIn(messages),
      inputs: 1,
      outputTokens,
    };
  }
  if (type === 'embed') {
    const { inputs } = input as EmbedInput;
    const inputCharacters = sum(inputs.map(charactersOf));
    return { inputCharacters, inputBytes: 0, inputs: inputs.length, outputTokens: null };
  }
  return {
    inputCharacters: 0,
    // A recording takes milliseconds to count, and few owners limit it.
    get inputBytes() {
      return new TextEncoder().encode(JSON.stringify(input)).length + base64BytesOf(input);
    },
    inputs: 1,
    outputTokens: null,
  };
}

/** All that comes into the prompt: what was said, the calls that were made, and the tools that are offered. */
function charactersRead({ messages, tools = [], toolChoice }: ChatInput): number {
  let characters = 0;
  for (const { content, reasoning = '', toolCalls } of messages) {
    characters += content.length + reasoning.length;
    for (const call of toolCalls ?? []) characters += call.name.length + call.arguments.length;
  }
  for (const { name, description = '', parameters } of toolChoice === 'none' ? [] : tools) {
    characters += name.length + description.length + (JSON.stringify(parameters) ?? '').length;
  }
  return characters;
}

/** The bytes of pictures that are their own files; how large those behind addresses are, only their fetcher knows. */
function picturesIn(messages: ChatInput['messages']): number {
  let bytes = 0;
  for (const { pictures } of messages) {
    if (pictures !== undefined) for (const { url } of pictures) bytes += url.length;
  }
  return bytes;
}

function charactersOf(text: string | readonly number[]): number {
  return typeof text === 'string' ? text.length : text.length * CHARACTERS_PER_TOKEN;
}

function closedSentence({ reason, changes_at }: Opening, hours: WeeklyHours | undefined): string {
  if (reason === 'paused') return 'The owner of this node has paused it.';
  const until =
    hours === undefined || changes_at === null ? '' : ` until ${hours.wallTime(changes_at)} of its own time`;
  return `This node runs no jobs${until}.`;
}

function isChosen(name: string, { allow, deny }: Choice = {}): boolean {
  if (deny !== undefined && fitsAny(name, deny)) return false;
  return allow === undefined || fitsAny(name, allow);
}

/** Lists stay the same from job to job. */
const splitLists = new WeakMap<readonly string[], readonly (readonly string[])[]>();

/** Whether a name fits one of the patterns, in which `*` stands for any characters. */
export function fitsAny(name: string, patterns: readonly string[]): boolean {
  const known = splitLists.get(patterns);
  const split = known ?? patterns.map((pattern) => pattern.split('*'));
  if (known === undefined) splitLists.set(patterns, split);
  return split.some((pieces) => fits(name, pieces));
}

/** `*` stands for any characters. Without expressions, so that no pattern of an owner can take long. */
function fits(name: string, pieces: readonly string[]): boolean {
  const [head = ''] = pieces;
  if (pieces.length === 1) return name === head;
  if (!name.startsWith(head)) return false;
  let at = head.length;
  for (let i = 1; i < pieces.length - 1; i++) {
    const piece = pieces[i] ?? '';
    const found = name.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  const tail = pieces.at(-1) ?? '';
  return name.length - tail.length >= at && name.endsWith(tail);
}

function tooMany(count: number, most: number | undefined, what: string): string | undefined {
  if (most === undefined || count <= most) return undefined;
  return `take more than ${most} ${what}, and this job has ${count}`;
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** What the files that the node fetches take in an input, where base64 comes to stand (SPEC F6). */
function base64BytesOf(input: object): number {
  return sum(
    Object.values(input).map((value: Partial<HeldFile> | null) => {
      const isHeld = typeof value?.sha256 === 'string' && typeof value.bytes === 'number';
      return isHeld ? 4 * Math.ceil((value.bytes ?? 0) / 3) : 0;
    }),
  );
}
