/** The time of day as this machine's clock shows it, by 24 hours in every language. */
export function clockText(date: Date, to: 'minutes' | 'seconds'): string {
  const parts = [date.getHours(), date.getMinutes(), ...(to === 'seconds' ? [date.getSeconds()] : [])];
  return parts.map(twoDigits).join(':');
}

/** The time of day, with its date where that is another day's than `now`. */
export function momentText(at: number, now: number, to: 'minutes' | 'seconds' = 'minutes'): string {
  const date = new Date(at);
  const time = clockText(date, to);
  if (date.toDateString() === new Date(now).toDateString()) return time;
  return `${date.getFullYear()}-${twoDigits(date.getMonth() + 1)}-${twoDigits(date.getDate())} ${time}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
