import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Problem } from '../../../shared/problems/problem.ts';
import { openLogFile } from '../../process-log.ts';

export type NodeProcess = {
  /** The node's id, once the relay has accepted it; rejects when the process ends before. */
  readonly ready: Promise<string>;
  /** Rejects when the process has ended. */
  readonly failed: Promise<never>;
  stop(): Promise<void>;
};

const BIN = fileURLToPath(new URL('../bin.mjs', import.meta.url));
const STOP_TIMEOUT_MS = 1_500;

export type NodeProcessOptions = {
  relayUrl: string;
  dataFolder: string;
  /** The configuration file that applies here, if there is one; the node reads its own part of it. */
  configFile: string | undefined;
  logFile: string;
  platform?: NodeJS.Platform;
};

/** Starts a node in a process of its own, which ends when this one does. */
export function startNodeProcess(options: NodeProcessOptions): NodeProcess {
  const { relayUrl, dataFolder, configFile, logFile, platform = process.platform } = options;
  const file = configFile === undefined ? [] : ['--config', configFile];
  const args = [BIN, 'agent', '--relay', relayUrl, '--data', dataFolder, ...file, '--ready-json'];
  const log = openLogFile(logFile);
  // The channel is how the node learns of our end, even of a kill -9.
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  const logged = new Promise((resolve) => child.stderr?.once('close', resolve));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => log.write(text));
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const failed = exited.then((code): never => {
    throw new Problem('node_fault', `The node ended with code ${code}. Its log says why: ${logFile}`);
  });
  failed.catch(() => undefined); // Whoever stops the node does not wait for it.
  const ready = Promise.race([readNodeId(child), failed]);
  ready.catch(() => undefined);
  return { ready, failed, stop: () => stop(child, Promise.all([exited, logged]), platform) };
}

async function readNodeId(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new TypeError('the node has no stdout');
  for await (const line of createInterface({ input: child.stdout })) {
    const ready = JSON.parse(line) as { nodeId: string };
    return ready.nodeId;
  }
  return new Promise(() => undefined); // The process has closed its output: `failed` says why.
}

/** Waits for its last lines, too. */
async function stop(child: ChildProcess, ended: Promise<unknown>, platform: NodeJS.Platform): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  // Windows has no signals: whatever is sent there kills.
  if (platform !== 'win32') child.kill('SIGTERM');
  else if (child.connected) child.disconnect();
  const timer = setTimeout(() => {
    child.kill('SIGKILL');
    // What it has started may hold its output open for longer.
    child.stderr?.destroy();
  }, STOP_TIMEOUT_MS);
  await ended;
  clearTimeout(timer);
}
