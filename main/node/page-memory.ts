/** A model that lies in memory, or is on its way there. */
export type HeldModel = { readonly name: string; readonly needBytes: number; readonly isBusy: boolean };

/**
 * What has to leave so that `needBytes` more stay below the cap: idle models, those that were used longest ago first, as
 * `held` lists them. Undefined when even that is not enough. Pure.
 */
export function modelsToUnload(
  held: readonly HeldModel[],
  needBytes: number,
  capBytes: number | null,
): string[] | undefined {
  if (capBytes === null) return [];
  let excess = held.reduce((sum, model) => sum + model.needBytes, 0) + needBytes - capBytes;
  const leaving: string[] = [];
  for (const { name, needBytes: freed, isBusy } of held) {
    if (excess <= 0) break;
    if (isBusy) continue;
    leaving.push(name);
    excess -= freed;
  }
  return excess > 0 ? undefined : leaving;
}
