import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { systemKeychain } from '../../../main/headless/keychain/system-keychain.ts';
import { afterTest } from '../after-test.ts';
import { until } from '../until.ts';

/** A GNOME keyring on a session bus of its own, which knows nothing of the one of whoever runs the tests. */
export type SecretService = {
  /** For a program that is to use it. */
  readonly env: NodeJS.ProcessEnv;
  /** Starts it anew with what it has kept, as after the next boot; locked, nobody is there to unlock it. */
  restart(state: 'locked' | 'unlocked'): Promise<void>;
  /** From now on it takes calls and answers none. */
  freeze(): void;
};

export const needsSecretService = { skip: secretServiceMissing() };

function secretServiceMissing(): string | false {
  if (process.platform !== 'linux') return 'NOT TESTED HERE: a Secret Service is of Linux alone';
  try {
    for (const program of ['dbus-daemon', 'gnome-keyring-daemon']) execFileSync(program, ['--version']);
    return false;
  } catch {
    return 'NOT TESTED HERE: this machine has no Secret Service (Debian: apt-get install dbus-daemon gnome-keyring)';
  }
}

/** Starts one, unlocked and empty; it goes with the test. */
export async function startSecretService(t: TestContext): Promise<SecretService> {
  // Short, since the paths of sockets are: not below the folder that a test was given.
  const folder = mkdtempSync(join(tmpdir(), 'sw-keys-'));
  afterTest(t, () => rmSync(folder, { recursive: true, force: true }));
  const bus = spawn('dbus-daemon', ['--config-file', writeBusConfig(folder), '--nofork', '--print-address']);
  afterTest(t, () => end(bus));
  const [address] = (await once(createInterface({ input: bus.stdout }), 'line')) as [string];
  const env = {
    ...process.env,
    DBUS_SESSION_BUS_ADDRESS: address,
    XDG_DATA_HOME: folder,
    XDG_RUNTIME_DIR: folder,
    HOME: folder,
  };
  let keyring: ChildProcess | undefined;
  const restart = async (state: 'locked' | 'unlocked'): Promise<void> => {
    if (keyring !== undefined) await end(keyring);
    keyring = startKeyring(env, state);
    await until(() => answers(env));
  };
  afterTest(t, () => keyring && end(keyring));
  await restart('unlocked');
  return { env, restart, freeze: () => void keyring?.kill('SIGSTOP') };
}

/** Starts nothing by itself: neither a second keyring nor a window that asks for a password. */
function writeBusConfig(folder: string): string {
  const file = join(folder, 'bus.conf');
  const open = '<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>';
  const listen = `<type>session</type><listen>unix:dir=${folder}</listen><auth>EXTERNAL</auth>`;
  writeFileSync(file, `<busconfig>${listen}<policy context="default">${open}</policy></busconfig>`);
  return file;
}

function startKeyring(env: NodeJS.ProcessEnv, state: 'locked' | 'unlocked'): ChildProcess {
  const args = ['--foreground', '--components=secrets', ...(state === 'unlocked' ? ['--unlock'] : [])];
  const keyring = spawn('gnome-keyring-daemon', args, { env, stdio: ['pipe', 'ignore', 'ignore'] });
  keyring.stdin?.end('password');
  return keyring;
}

async function answers(env: NodeJS.ProcessEnv): Promise<boolean> {
  try {
    await systemKeychain(env).read('nobody', AbortSignal.timeout(5_000));
    return true;
  } catch {
    return false;
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
