import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export type NetworkEvents = {
  /** Whether changes are told; where not, somebody has to look. */
  isTold(): boolean;
  close(): void;
};

/** Signals alone, for which a person needs no more rights than to be on the bus. */
const MONITOR = [
  'monitor',
  '--system',
  '--dest',
  'org.freedesktop.NetworkManager',
  '--object-path',
  '/org/freedesktop/NetworkManager',
];
/** What can make the network in use another one, or have it cost. */
const OF_INTEREST = /'(?:Metered|PrimaryConnection|ActiveConnections|State)'/;

/** Hears of NetworkManager when the network changes, through GLib's own program. Never starts a shell. */
export function hearNetworkManager(changed: () => void): NetworkEvents {
  let child: ChildProcess | undefined;
  const ended = (): void => {
    child = undefined;
  };
  try {
    child = spawn('gdbus', MONITOR, { stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return { isTold: () => false, close: () => undefined };
  }
  child.on('error', ended);
  child.on('exit', ended);
  if (child.stdout !== null) {
    createInterface({ input: child.stdout }).on('line', (line) => OF_INTEREST.test(line) && changed());
  }
  return {
    isTold: () => child !== undefined,
    close: () => {
      child?.kill();
      ended();
    },
  };
}
