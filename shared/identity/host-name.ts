import { plainText } from '../protocol/plain-text.ts';

const MOST_CHARACTERS = 64;

/** What a node calls itself that was given no name: that of its machine, without what a relay would refuse it for. */
export function nameOfHost(hostName: string): string {
  return [...plainText(hostName)].slice(0, MOST_CHARACTERS).join('') || 'node';
}
