import type { Keychain } from '../../../main/headless/keychain/keychain.ts';
import type { TimeLimit } from '../../../main/headless/keychain/keychain-calls.ts';

/** What may be wrong with a keychain: it refuses, takes what it does not keep, or never answers. */
export type KeychainFault = 'refuses' | 'forgets' | 'keeps what is removed' | 'never answers';
type Act = 'read' | 'write' | 'remove';

/** A keychain in memory whose faults a test sets as it goes. */
export type MemoryKeychain = Keychain & {
  readonly entries: Map<string, string>;
  /** Every call so far, without secrets. */
  readonly calls: Act[];
  fault: KeychainFault | undefined;
};

export function memoryKeychain(fault?: KeychainFault): MemoryKeychain {
  const entries = new Map<string, string>();
  const keychain: MemoryKeychain = {
    name: 'the keychain in memory',
    entries,
    calls: [],
    fault,
    read: (account) => perform('read', () => entries.get(account)),
    write: (account, secret) =>
      perform('write', () => void (keychain.fault === 'forgets' || entries.set(account, secret))),
    remove: (account) =>
      perform('remove', () => void (keychain.fault === 'keeps what is removed' || entries.delete(account))),
  };
  return keychain;

  async function perform<Value>(act: Act, work: () => Value): Promise<Value> {
    keychain.calls.push(act);
    if (keychain.fault === 'refuses') throw new Error('it is locked');
    if (keychain.fault === 'never answers') return new Promise(() => undefined);
    return work();
  }
}

/** Limits that are over once a call has begun to wait, and how long they would have been. */
export function limitsThatRunOut(): { limit: TimeLimit; asked: number[] } {
  const asked: number[] = [];
  const limit: TimeLimit = (milliseconds) => {
    asked.push(milliseconds);
    const controller = new AbortController();
    setImmediate(() => controller.abort());
    return controller.signal;
  };
  return { limit, asked };
}

/** For a keychain that answers at once. */
export const noLimit: TimeLimit = () => new AbortController().signal;
