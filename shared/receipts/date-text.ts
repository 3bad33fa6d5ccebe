/** When something was signed, by ISO 8601; numbers go further than the calendar, and one that does is told as it is. */
export function dateText(at: number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? `at ${at}` : date.toISOString();
}
