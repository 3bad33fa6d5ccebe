import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Keychain, KeychainFault } from './keychain.ts';
import type { KeychainAnswer, KeychainRequest } from './keychain-process.ts';

const PROGRAM = fileURLToPath(new URL('keychain-process.ts', import.meta.url));
const NAMES: Partial<Record<NodeJS.Platform, string>> = {
  darwin: 'the Keychain of macOS',
  win32: 'the Credential Manager of Windows',
};

/**
 * The keychain of this system, where there is one: Keychain, Credential Manager, or a Secret Service on Linux.
 *
 * Invariants: (1) the native module is loaded in a process of its own, one for each call: it blocks the thread that it is
 * called on while it connects, and a thread that waits for a prompt would keep its process from ever ending; (2) that
 * process is killed when its call ends, however it ends, and ends with this one; (3) a secret travels through its channel,
 * never as an argument or a variable.
 */
export function systemKeychain(env: NodeJS.ProcessEnv = process.env): Keychain {
  const ask = (request: KeychainRequest, signal: AbortSignal) => askProcess(request, env, signal);
  return {
    name: NAMES[process.platform] ?? 'the keyring of this session (Secret Service)',
    read: async (account, signal) => (await ask({ act: 'read', account }, signal)) ?? undefined,
    write: async (account, secret, signal) => void (await ask({ act: 'write', account, secret }, signal)),
    remove: async (account, signal) => void (await ask({ act: 'remove', account }, signal)),
  };
}

async function askProcess(request: KeychainRequest, env: NodeJS.ProcessEnv, signal: AbortSignal) {
  signal.throwIfAborted();
  // Flags of this process, such as those of a debugger, are not for that one.
  const child = fork(PROGRAM, { execArgv: [], env, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  const letGo = () => child.kill('SIGKILL');
  signal.addEventListener('abort', letGo);
  try {
    const answer = await answerOf(child, request);
    if ('value' in answer) return answer.value;
    throw answer.isItsOwn ? new KeychainFault(answer.fault) : new Error(answer.fault);
  } finally {
    signal.removeEventListener('abort', letGo);
    letGo();
  }
}

function answerOf(child: ChildProcess, request: KeychainRequest): Promise<KeychainAnswer> {
  return new Promise((resolve, reject) => {
    child.once('message', (answer: KeychainAnswer) => resolve(answer));
    // Not once: a channel may break more than once, and an error that nobody hears ends the node.
    child.on('error', reject);
    child.once('exit', (code, by) => reject(new Error(`the process that asks it ended with ${code ?? by}`)));
    child.send(request, (error) => error !== null && reject(error));
  });
}
