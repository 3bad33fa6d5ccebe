/** Files that keep several processes busy: browsers, the command's relays and nodes, the desktop app's package. Kinds with the longest come first. */
const HEAVY = [/^test\/build\//, /^test\/(renderer|screens)\//, /^test\/(foreign|protocol\/browser-)/, /^test\/e2e\//];
/** How much of the run is through when the last of them begins: none is to run alone at the end. */
const LAST_HEAVY_AT = 0.85;

export function isHeavy(file: string): boolean {
  return HEAVY.some((kind) => kind.test(file));
}

/**
 * Heavy files evenly among the others, in the order of their names otherwise: beside a file that waits for a relay or a clock there is
 * then one that has something to compute, where by name all of one kind would come together, and the longest (screens) nearly last.
 */
export function inGoodOrder(files: readonly string[]): string[] {
  const heavy = HEAVY.flatMap((kind) => files.filter((file) => kind.test(file)).sort());
  const light = files.filter((file) => !isHeavy(file)).sort();
  const place = (at: number, count: number, share: number): number => (at / count) * share;
  return [
    ...heavy.map((file, at) => ({ file, place: place(at, heavy.length, LAST_HEAVY_AT) })),
    ...light.map((file, at) => ({ file, place: place(at, light.length, 1) })),
  ]
    .sort((a, b) => a.place - b.place)
    .map(({ file }) => file);
}
