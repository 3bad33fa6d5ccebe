import { Problem } from '../../../shared/problems/problem.ts';

/** Where a message of a chat stood in the request that it was made of, and its parts where they did not stand below it. */
export type Place = string | { readonly at: string; readonly parts: readonly string[] };

export type OwnTermsOptions = {
  /** Of each message of the chat. */
  readonly places: readonly Place[];
  /** Of each tool of the chat, where they do not stand as it has them. */
  readonly toolPlaces?: readonly string[];
  /** What a chat calls its parameters, with what they are called here. */
  readonly names: readonly (readonly [RegExp, string])[];
  /** What the conversation as a whole is called here. */
  readonly conversation: string;
};

/** A chat that was asked for in the words of another API, in whose words it must be refused. */
export type OwnTerms = {
  /** A parameter, or a sentence that names some. */
  named(text: string): string;
  /** What was thrown; what is no problem stays as it is. */
  told(error: unknown): unknown;
};

export function createOwnTerms({ places, toolPlaces = [], names, conversation }: OwnTermsOptions): OwnTerms {
  const placed = (all: string, index: string, part: string | undefined): string => {
    const place = places[Number(index)];
    if (place === undefined) return all;
    const below = part === undefined ? '' : `.content.${part}`;
    if (typeof place === 'string') return place + below;
    return (part === undefined ? undefined : place.parts[Number(part)]) ?? place.at + below;
  };
  const named = (text: string): string => {
    const own = text
      .replace(/\bmessages\.(\d+)(?!\d)(?:\.content\.(\d+)(?!\d))?/g, placed)
      .replace(/\btools\.(\d+)(?!\d)/g, (all, index: string) => toolPlaces[Number(index)] ?? all);
    return names.reduce((told, [pattern, name]) => told.replace(pattern, name), own);
  };
  const renamed = (problem: Problem): Problem => {
    const { code, cause, param, retryAfterMs } = problem;
    const message = named(problem.message);
    const own = param === 'messages' ? conversation : param === undefined ? undefined : named(param);
    if (message === problem.message && own === param) return problem;
    const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
    return new Problem(code, message, { cause, ...wait, ...(own === undefined ? {} : { param: own }) });
  };
  return { named, told: (error) => (error instanceof Problem ? renamed(error) : error) };
}
