import type { RouteTable } from './route-table.ts';

/** What programs that were written for another server ask for, and what does the same here. */
const OTHERWISE: readonly (readonly [RegExp, string])[] = [
  [/^\/api\/(chat|generate)$/, '/v1/chat/completions'],
  [/^\/api\/embed(dings)?$/, '/v1/embeddings'],
  [/^\/api\/tags$/, '/v1/models'],
  [/\/uploads$/, '/v1/files'],
];
const BASE = '/v1';
const OPENAI_BASE = `the base URL of OpenAI's clients ends in ${BASE} here`;
const ANTHROPIC = /^\/v1\/messages\b/;
const ANTHROPIC_BASE = `the base URL of Anthropic's clients ends before ${BASE} here`;

/** Where to ask instead of an address at which there is nothing, as a sentence with a space behind it; or nothing at all. */
export function insteadOf(path: string, method: string, routes: RouteTable): string {
  const tidy = path.replace(/\/{2,}/g, '/').replace(/(?<=.)\/$/, '');
  const takes = (address: string): boolean => address !== path && routes.methodsAt(address).includes(method);
  if (takes(tidy)) return `Ask ${tidy} instead. `;
  const based =
    BASE +
    tidy
      .replace(/^(\/(openai|api)(?=\/v1\/))?(\/v1)*(?=\/)/, '')
      .replace(/^\/openai\/deployments\/.+?(?=\/(chat|completions|embeddings|images|audio)\b)/, '');
  if (takes(based)) return `Ask ${based} instead: ${ANTHROPIC.test(based) ? ANTHROPIC_BASE : OPENAI_BASE}. `;
  const [, other] = OTHERWISE.find(([pattern]) => pattern.test(tidy)) ?? [];
  return other === undefined ? '' : `Ask ${other} instead. `;
}
