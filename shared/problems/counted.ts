/** How many of what, in English: `1 node`, `2 nodes`. */
export function counted(count: number, noun: string): string {
  return `${count} ${count === 1 ? noun : `${noun}s`}`;
}
