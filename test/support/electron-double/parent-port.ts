/** In a child that stands for a utility process: `process.parentPort`, as far as Electron's own is used. */
import { EventEmitter } from 'node:events';
import process from 'node:process';

const port = Object.assign(new EventEmitter(), {
  postMessage: (message: unknown) => void process.send?.(message),
});
process.on('message', (data) => void port.emit('message', { data, ports: [] }));
process.on('disconnect', () => process.exit(0));
Object.defineProperty(process, 'parentPort', { value: port });
