import type { StoreHealth } from './store/store.ts';

/** What keeps the relay from its work, each a sentence that anybody may read. */
export function troublesOf(isBusConnected: boolean, storage: StoreHealth): string[] {
  const reasons: string[] = [];
  if (!isBusConnected) reasons.push('The message bus is not reachable; it is being restarted.');
  if (!storage.writable) {
    const why = storage.reason.replace(/\.$/, '');
    reasons.push(`Nothing can be written down: ${why}.`);
  }
  return reasons;
}
