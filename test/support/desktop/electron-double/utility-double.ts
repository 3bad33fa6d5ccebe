import { type ChildProcess, fork } from 'node:child_process';
import { EventEmitter } from 'node:events';

// Windows takes no path for it.
const PARENT_PORT = new URL('./parent-port.ts', import.meta.url).href;

/** A utility process as a child of Node: messages are cloned as Electron clones them, so that no memory is shared. */
export class UtilityDouble extends EventEmitter {
  readonly child: ChildProcess;

  constructor(modulePath: string, args: readonly string[]) {
    super();
    // Set by the test runner, and inherited by what is not a test.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const execArgv = ['--import', PARENT_PORT];
    this.child = fork(modulePath, args, { serialization: 'advanced', execArgv, env, stdio: ['ignore', 2, 2, 'ipc'] });
    this.child.on('message', (message) => void this.emit('message', message));
    this.child.on('exit', (code) => void this.emit('exit', code ?? 1));
    // A pipe that breaks as the process dies is the exit's to tell.
    this.child.on('error', () => undefined);
  }

  postMessage(message: unknown): void {
    if (this.child.connected) this.child.send(message as never);
  }
  /** Has it stop, as a frozen process does, with its next message of a type, which still arrives. */
  freezeAfter(type: string): void {
    this.postMessage({ freezeAfter: type });
  }
  kill(): boolean {
    return this.child.kill();
  }
}
