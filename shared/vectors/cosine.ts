/** How alike two vectors point, whatever their lengths: 1 the same way, 0 across, -1 the other way; 0 where one points nowhere. */
export function cosineOf(one: readonly number[], other: readonly number[]): number {
  let [product, oneSquared, otherSquared] = [0, 0, 0];
  for (const [place, value] of one.entries()) {
    const beside = other[place] ?? 0;
    product += value * beside;
    oneSquared += value * value;
    otherSquared += beside * beside;
  }
  const lengths = Math.sqrt(oneSquared * otherSquared);
  return lengths === 0 ? 0 : Math.max(-1, Math.min(1, product / lengths));
}
