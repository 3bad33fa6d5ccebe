/**
 * In a child that stands for a utility process: `process.parentPort`, as far as Electron's own is used. A test may have it stop,
 * as a frozen process does, with its first message of a type: by itself, so that none follows however slow the test is.
 */
import { EventEmitter } from 'node:events';
import process from 'node:process';

const port = Object.assign(new EventEmitter(), {
  postMessage: (message: unknown) => {
    const isLast = frozenBy !== null && (message as { type?: unknown }).type === frozenBy;
    process.send?.(message, () => isLast && process.kill(process.pid, 'SIGSTOP'));
  },
});
let frozenBy: string | null = null;
process.on('message', (data) => {
  const { freezeAfter } = data as { freezeAfter?: string };
  if (freezeAfter === undefined) port.emit('message', { data, ports: [] });
  else frozenBy = freezeAfter;
});
process.on('disconnect', () => process.exit(0));
Object.defineProperty(process, 'parentPort', { value: port });
