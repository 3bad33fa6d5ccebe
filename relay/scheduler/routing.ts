import { READS_FILES } from '../../shared/agent/capability-document.ts';
import type { RoutingRequest, Sort } from '../../shared/api/routing.ts';
import { Problem } from '../../shared/problems/problem.ts';

/** What the caller of a job wants of its node, ready to be checked against many. */
export type Routing = {
  /** Ids or slugs of the only nodes that may take the job; null for any. */
  readonly only: ReadonlySet<string> | null;
  readonly ignore: ReadonlySet<string>;
  readonly capabilities: readonly string[];
  readonly labels: readonly (readonly [name: string, value: string])[];
  readonly trustedOnly: boolean;
  readonly sort: Sort | null;
  readonly allowFallbacks: boolean;
};

export const ANY_ROUTE: Routing = {
  only: null,
  ignore: new Set(),
  capabilities: [],
  labels: [],
  trustedOnly: false,
  sort: null,
  allowFallbacks: true,
};

/** The same, of nodes that fetch what an input stands for (SPEC F6). */
export function fetchingFiles(routing: Routing): Routing {
  return { ...routing, capabilities: [...routing.capabilities, READS_FILES] };
}

/** Reads `routing` of a request that has passed the schema. Errors: `invalid_value` for wishes that exclude each other. */
export function readRouting(request: RoutingRequest | null | undefined): Routing {
  if (request === undefined || request === null) return ANY_ROUTE;
  const { node, only, ignore, require: needs } = request;
  if (node != null && only != null) {
    throw new Problem('invalid_value', 'routing.node names the one node already. Leave routing.only out.', {
      param: 'routing.only',
    });
  }
  const ignored = new Set(ignore ?? []);
  const wanted = node != null ? [node] : (only ?? null);
  if (wanted?.every((name) => ignored.has(name))) {
    throw new Problem('invalid_value', 'routing.ignore leaves none of the nodes that routing asks for.', {
      param: 'routing.ignore',
    });
  }
  return {
    only: wanted === null ? null : new Set(wanted),
    ignore: ignored,
    capabilities: needs?.capabilities ?? [],
    labels: Object.entries(needs?.labels ?? {}),
    trustedOnly: needs?.trust === 'trusted',
    sort: request.sort ?? null,
    allowFallbacks: request.allow_fallbacks ?? true,
  };
}

/** Where each name stands in the request, for refusals that point at it. */
export function namedNodes(request: RoutingRequest | null | undefined): { name: string; param: string }[] {
  const { node, only } = request ?? {};
  if (node != null) return [{ name: node, param: 'routing.node' }];
  return (only ?? []).map((name, index) => ({ name, param: `routing.only.${index}` }));
}

/** Whether the caller leaves the choice of the node to the relay altogether. */
export function takesAnyNode(routing: Routing): boolean {
  const { only, ignore, capabilities, labels, trustedOnly } = routing;
  return only === null && ignore.size === 0 && capabilities.length === 0 && labels.length === 0 && !trustedOnly;
}
