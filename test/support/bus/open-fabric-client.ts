/** What a client of the open fabric reads of the global view; nothing that only Sparewatt adds, but `documents`. */
export type GlobalView = {
  local_node: string;
  nodes: Record<
    string,
    { node_id: string; capabilities: Record<string, unknown>; node_load: Record<string, unknown>; age_s: number }
  >;
  served_models: { name: string; node: string; local: boolean; node_age_s: number }[];
  served_count: number;
  capabilities_by_node: Record<string, Record<string, unknown>>;
  node_count: number;
  updated_at: string;
  documents: { dropped: Record<string, number> };
};

/** The questions that the open fabric's own client asks, answered from the view alone, by its field names. */
export function readAsOpenFabric(view: GlobalView) {
  return {
    findNodesWithCapability: (name: string): string[] =>
      Object.entries(view.nodes)
        .filter(([, { capabilities }]) => Boolean(capabilities[name]))
        .map(([nodeId]) => nodeId),
    nodeLoad: (nodeId: string): Record<string, unknown> => view.nodes[nodeId]?.node_load ?? {},
    nodesServing: (model: string): string[] =>
      view.served_models.filter(({ name }) => name === model).map(({ node }) => node),
    modelsOf: (nodeId: string): string[] =>
      view.served_models.filter(({ node }) => node === nodeId).map(({ name }) => name),
  };
}
