import type { EventEmitter } from 'node:events';

type Output = Pick<EventEmitter, 'on'>;

/**
 * What a command does when its output goes nowhere. A reader that has seen enough, as `head` has, is no failure, and a relay
 * goes on without it; anything else is told by `onLost`, such as a full disk. Without this either would end the process at
 * once, with a stack and without a stop.
 */
export function outliveOutput(stdout: Output, stderr: Output, onLost: (error: Error) => void): void {
  let isLost = false;
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || isLost) return;
    isLost = true;
    onLost(error);
  });
  stderr.on('error', () => undefined);
}
