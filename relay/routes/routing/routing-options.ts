import type { RoutingRequest } from '../../../shared/api/routing.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { namedNodes, type Routing, readRouting } from '../../scheduler/routing.ts';
import type { RelayServices } from '../../services.ts';

export type RoutingOptions = { routing: Routing; maxWaitMs?: number; waitsForNodes?: boolean };

/** What `routing` of a body asks for. Errors: `invalid_value` for nodes nobody knows and wishes that exclude each other. */
export function readRoutingOptions(
  request: RoutingRequest | null | undefined,
  { table, directory }: Pick<RelayServices, 'table' | 'directory'>,
): RoutingOptions {
  const routing = readRouting(request);
  for (const { name, param } of namedNodes(request)) {
    if (table.named(name).size === 0) assertKnown(name, param, directory);
  }
  return { routing, ...(request?.max_wait_ms == null ? {} : { maxWaitMs: request.max_wait_ms, waitsForNodes: true }) };
}

function assertKnown(name: string, param: string, directory: RelayServices['directory']): void {
  try {
    directory.resolve(name, param);
  } catch (error) {
    // A name that fits several nodes is as good as several names.
    if (error instanceof Problem && error.code === 'invalid_value') return;
    if (error instanceof Problem) throw new Problem('invalid_value', error.message, { param });
    throw error;
  }
}
