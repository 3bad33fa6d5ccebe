/** What is left to spend of so much. A limit that was lowered below what is spent and held leaves nothing, and not less. */
export function leftMicro(mostMicro: number, ...takenMicro: readonly number[]): number {
  return Math.max(
    0,
    takenMicro.reduce((left, taken) => left - taken, mostMicro),
  );
}
