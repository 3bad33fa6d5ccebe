import type { Snapshot } from '../../../shared/api/snapshot.ts';

/** One difference between a saved snapshot and a running relay. A note is worth a look; the others fail a preflight. */
export type Difference = {
  kind:
    | 'degraded_health'
    | 'changed_version'
    | 'changed_limit'
    | 'missing_node'
    | 'changed_node_version'
    | 'changed_node_state'
    | 'changed_node_trust'
    | 'changed_node_labels'
    | 'missing_model'
    | 'missing_served_model'
    | 'changed_config'
    | 'new_node'
    | 'new_model';
  fails: boolean;
  /** What it is about: a node, a model, a limit. */
  subject: string;
  before: unknown;
  now: unknown;
};

/**
 * What is different now, the failing first. Times, loads, counts of jobs and epochs are different at every look and do
 * not count.
 */
export function compareSnapshots(before: Snapshot, now: Snapshot): Difference[] {
  const differences = [
    ...healthFaults(now),
    ...changed('changed_version', { relay: before.version }, { relay: now.version }),
    ...changed('changed_version', { protocol: before.protocol.version }, { protocol: now.protocol.version }),
    ...changed('changed_limit', before.protocol.limits, now.protocol.limits),
    ...nodeDifferences(before, now),
    ...modelDifferences(before, now),
    ...changed('changed_config', configOf(before), configOf(now)).map((change) => ({ ...change, fails: false })),
  ];
  return differences.sort((a, b) => Number(b.fails) - Number(a.fails));
}

/** What a relay must be whatever it was before. */
export function healthFaults({ health }: Snapshot): Difference[] {
  return health.status === 'ok'
    ? []
    : health.reasons.map((reason) => difference('degraded_health', reason, 'ok', 'degraded'));
}

function nodeDifferences(before: Snapshot, now: Snapshot): Difference[] {
  const then = new Map(before.nodes.map((node) => [node.node_id, node]));
  const here = new Map(now.nodes.map((node) => [node.node_id, node]));
  const missing = absent(then, here).map((id) => difference('missing_node', id, 'connected', 'missing'));
  const fresh = absent(here, then).map((id) => ({ ...difference('new_node', id, null, 'connected'), fails: false }));
  const versions = [...then].flatMap(([id, { document }]) => {
    const other = here.get(id)?.document;
    return other === undefined ? [] : changed('changed_node_version', versionOf(id, document), versionOf(id, other));
  });
  const standings = [...then].flatMap(([id, { standing }]) => {
    const other = here.get(id)?.standing;
    // One of them may be of a snapshot that did not say.
    return standing === undefined || other === undefined ? [] : standingDifferences(id, standing, other);
  });
  return [...missing, ...versions, ...standings, ...fresh];
}

function modelDifferences(before: Snapshot, now: Snapshot): Difference[] {
  const then = modelsOf(before);
  const here = modelsOf(now);
  const missing = absent(then, here).map((name) =>
    difference('missing_model', name, [...(then.get(name) ?? [])], null),
  );
  const fresh = absent(here, then).map((name) => ({ ...difference('new_model', name, null, 'served'), fails: false }));
  const connected = new Set(now.nodes.map((node) => node.node_id));
  const lost = [...then].flatMap(([name, nodes]) => {
    const serving = here.get(name);
    // A model that is gone everywhere, and a node that is gone, are differences of their own.
    if (serving === undefined) return [];
    const without = [...nodes].filter((id) => connected.has(id) && !serving.has(id));
    return without.map((id) => difference('missing_served_model', `${name} on ${id}`, 'served', 'missing'));
  });
  return [...missing, ...lost, ...fresh];
}

type Standing = NonNullable<Snapshot['nodes'][number]['standing']>;

/** A node that gets no jobs any more fails a preflight; what else the operator decided is worth a look. */
function standingDifferences(id: string, before: Standing, now: Standing): Difference[] {
  const isOut = (change: Difference): boolean => change.kind === 'changed_node_state' && now.state !== 'active';
  return [
    ...changed('changed_node_state', { [id]: before.state }, { [id]: now.state }),
    ...changed('changed_node_trust', { [id]: before.trust }, { [id]: now.trust }),
    ...changed('changed_node_labels', { [id]: before.labels }, { [id]: now.labels }),
  ].map((change) => ({ ...change, fails: isOut(change) }));
}

/** Which nodes serve each model. */
function modelsOf(snapshot: Snapshot): Map<string, Set<string>> {
  const models = new Map<string, Set<string>>();
  for (const { name, node } of snapshot.served_models) models.set(name, (models.get(name) ?? new Set()).add(node));
  return models;
}

function versionOf(id: string, document: Snapshot['nodes'][number]['document']): Record<string, unknown> {
  return { [`${id} version`]: document.version, [`${id} protocol`]: document.protocol };
}

function configOf(snapshot: Snapshot): Record<string, unknown> {
  return Object.fromEntries(snapshot.config.map(({ setting, value }) => [setting, value]));
}

/** Values of one record that are another in the other; a key that is only in one is one too. */
function changed(
  kind: Difference['kind'],
  before: Record<string, unknown>,
  now: Record<string, unknown>,
): Difference[] {
  return [...new Set([...Object.keys(before), ...Object.keys(now)])]
    .filter((key) => JSON.stringify(before[key]) !== JSON.stringify(now[key]))
    .map((key) => difference(kind, key, before[key] ?? null, now[key] ?? null));
}

function absent(from: ReadonlyMap<string, unknown>, other: ReadonlyMap<string, unknown>): string[] {
  return [...from.keys()].filter((key) => !other.has(key)).sort();
}

function difference(kind: Difference['kind'], subject: string, before: unknown, now: unknown): Difference {
  return { kind, fails: true, subject, before, now };
}
