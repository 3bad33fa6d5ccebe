import type { ChatCompletionRequest } from '../../../shared/api/chat.ts';
import type { ResponsesRequest } from '../../../shared/api/responses.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import { needed } from './needed-member.ts';

type Tools = ResponsesRequest['tools'];
type Tool = NonNullable<Tools>[number];
type Member = NonNullable<Tool['tools']>[number];
type ChatTool = NonNullable<ChatCompletionRequest['tools']>[number];

/** A function as a response calls it: one of a namespace by two names. */
export type Callee = { readonly name: string; readonly namespace?: string };

/** The functions of a request. Agents offer some in namespaces; a chat, and so a model, knows no such thing. */
export type ResponseTools = {
  /** As a chat has them; what is no function is left for it to refuse. */
  readonly chat: readonly ChatTool[];
  /** Where in the request each of them stands. */
  readonly places: readonly string[];
  /** What a model calls it. Who names no namespace may mean the only one that has such a function. */
  nameOf(callee: Callee): string;
  /** Whom a model calls by this name. */
  calleeOf(name: string): Callee;
};

/** Of a function's name, for whoever runs it. */
const MOST_CHARACTERS = 64;

/** Errors: `missing_required_parameter` for a namespace without a name or tools, `invalid_value` for too many functions. */
export function readResponseTools(tools: Tools): ResponseTools {
  const offered = (tools ?? []).flatMap((tool, index) => offeredBy(tool, `tools.${index}`));
  if (offered.length > LIMITS.maxTools) {
    const sentence = `There are ${offered.length} functions, and there may be ${LIMITS.maxTools}. Offer fewer.`;
    throw new Problem('invalid_value', sentence, { param: 'tools' });
  }
  const grouped = offered.flatMap(({ callee }) => (callee === undefined ? [] : [callee]));
  const callees = new Map(grouped.map((callee) => [joinedName(callee), callee]));
  const alone = new Set(offered.map(({ tool, callee }) => (callee === undefined ? tool.function?.name : undefined)));
  return {
    chat: offered.map(({ tool }) => tool),
    places: offered.map(({ place }) => place),
    nameOf: (callee) => {
      if (callee.namespace !== undefined || alone.has(callee.name)) return joinedName(callee);
      const [meant = callee, ...others] = grouped.filter(({ name }) => name === callee.name);
      return others.length === 0 ? joinedName(meant) : callee.name;
    },
    calleeOf: (name) => callees.get(name) ?? { name },
  };
}

type Offered = { readonly tool: ChatTool; readonly place: string; readonly callee?: Callee };

function offeredBy(tool: Tool, place: string): Offered[] {
  if (tool.type !== 'namespace') return [{ tool: chatTool(tool), place }];
  const namespace = needed(tool, 'name', place);
  return needed(tool, 'tools', place).map((member, at) => {
    const memberPlace = `${place}.tools.${at}`;
    if (member.type !== 'function' || member.name === undefined) return { tool: chatTool(member), place: memberPlace };
    const callee = { name: member.name, namespace };
    const description = paragraphs(at === 0 ? tool.description : null, member.description);
    return { tool: chatTool({ ...member, description, name: joinedName(callee) }), place: memberPlace, callee };
  });
}

/** Where both names are too long for one, that of the function stands alone. */
function joinedName({ name, namespace }: Callee): string {
  const joined = namespace === undefined ? name : `${namespace}__${name}`;
  return joined.length > MOST_CHARACTERS ? name : joined;
}

/** What a namespace is for is told with its first function. */
function paragraphs(...texts: Member['description'][]): string | null {
  const told = texts.filter((text) => text != null && text !== '');
  return told.length === 0 ? null : told.join('\n\n');
}

function chatTool({ type, ...described }: Member): ChatTool {
  // Its name may be missing, which is then said of its place.
  return type === 'function' && described.name !== undefined
    ? { type, function: { ...described, name: described.name } }
    : { type };
}
