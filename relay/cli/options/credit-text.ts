import { InvalidArgumentError } from 'commander';

const MICRO = 1_000_000;

/** Credits as a person writes them, up to six places, as millionths. Throws commander's error for anything else. */
export function parseMicro(text: string): number {
  const [, whole = '', part = ''] = /^(\d{1,9})(?:\.(\d{1,6}))?$/.exec(text) ?? [];
  if (whole === '') throw new InvalidArgumentError('Give credits as a number with at most six places, such as 2.5.');
  return Number(whole) * MICRO + Number(part.padEnd(6, '0'));
}
