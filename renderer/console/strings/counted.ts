/** A count, written as it is shown, with what is counted. */
export function counted(count: string, one: string): string {
  return `${count} ${one}${count === '1' ? '' : 's'}`;
}
