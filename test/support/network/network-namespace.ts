import { execFileSync } from 'node:child_process';
import type { TestContext } from 'node:test';
import { afterTest } from '../after-test.ts';

/** A second network on this machine with one line to it, as another computer would have. */
export type NetworkNamespace = {
  readonly name: string;
  /** This side of the line. */
  readonly address: string;
  /** From now on packets vanish in both directions, without a word to either side. */
  cut(): void;
  mend(): void;
};

/** Why this machine cannot make one, or false when it can. */
export function namespacesMissing(): string | false {
  if (process.platform !== 'linux') return 'NOT TESTED HERE: network namespaces are of Linux alone';
  if (process.getuid?.() !== 0) return 'NOT TESTED HERE: cutting a network takes root';
  const name = `sw-try-${process.pid}`;
  try {
    ip('netns', 'add', name);
    try {
      // Not by the name of the line that is made next: the system takes its time to remove one with its namespace.
      ip('link', 'add', `swtry${process.pid}`, 'type', 'veth', 'peer', 'name', 'node0', 'netns', name);
    } finally {
      ip('netns', 'delete', name);
    }
    return false;
  } catch (error) {
    return `NOT TESTED HERE: this machine makes no network namespaces (${String(error).split('\n', 1)[0]})`;
  }
}

/** Makes one; it goes with the test. The addresses are of the range that is set aside for trials (RFC 2544). */
export function makeNetworkNamespace(t: TestContext): NetworkNamespace {
  const name = `sw-${process.pid}`;
  const line = lineName();
  const net = `198.18.${process.pid % 256}`;
  ip('netns', 'add', name);
  afterTest(t, async () => ip('netns', 'delete', name));
  ip('link', 'add', line, 'type', 'veth', 'peer', 'name', 'node0', 'netns', name);
  ip('address', 'add', `${net}.1/30`, 'dev', line);
  ip('link', 'set', line, 'up');
  ip('-netns', name, 'address', 'add', `${net}.2/30`, 'dev', 'node0');
  ip('-netns', name, 'link', 'set', 'lo', 'up');
  ip('-netns', name, 'link', 'set', 'node0', 'up');
  return {
    name,
    address: `${net}.1`,
    cut: () => ip('link', 'set', line, 'down'),
    mend: () => ip('link', 'set', line, 'up'),
  };
}

/** Names of interfaces have at most 15 characters. */
function lineName(): string {
  return `sw${process.pid}`;
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
