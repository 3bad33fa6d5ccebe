/** A count, written as it is shown, with what is counted. */
export function counted(count: string, one: string): string {
  return `${count} ${one}${count === '1' ? '' : 's'}`;
}

/** The same in French, where all that is less than two is one. */
export function countedFr(count: string, one: string, many = `${one}s`): string {
  return `${count} ${/^[01](,\d+)?$/.test(count) ? one : many}`;
}
