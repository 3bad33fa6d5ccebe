import type { AsyncEntry } from '@napi-rs/keyring';
import { KEYCHAIN_SERVICE } from './keychain.ts';

/** What the process is asked, once. */
export type KeychainRequest =
  | { act: 'read' | 'remove'; account: string }
  | { act: 'write'; account: string; secret: string };

/** What it says, once: a secret for `read`, null where there is none, or why it did not work, in the keychain's words or ours. */
export type KeychainAnswer = { value: string | null } | { fault: string; isItsOwn: boolean };

process.once('message', (request: KeychainRequest) => {
  perform(request).then(
    (value) => process.send?.({ value } satisfies KeychainAnswer),
    (error: unknown) => {
      const isItsOwn = !(error instanceof NoProgram);
      process.send?.({ fault: reasonOf(error), isItsOwn } satisfies KeychainAnswer);
    },
  );
});
// A plain exit would wait for the thread that waits for the keychain.
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));

class NoProgram extends Error {}

async function perform(request: KeychainRequest): Promise<string | null> {
  const entry = await openEntry(request.account);
  if (request.act === 'read') return entry.getPassword();
  if (request.act === 'write') await entry.setPassword(request.secret);
  else await entry.deletePassword();
  return null;
}

async function openEntry(account: string): Promise<AsyncEntry> {
  const { AsyncEntry } = await import('@napi-rs/keyring').catch((error: unknown) => {
    throw new NoProgram('the package @napi-rs/keyring has no program for this system', { cause: error });
  });
  // Without a Secret Service the package would take the kernel's keyring, which forgets everything at a reboot.
  return new AsyncEntry(KEYCHAIN_SERVICE, account, { linux: { store: 'secret-service' } });
}

/** The end of a sentence, of one line. */
function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s+/g, ' ').replace(/[.\s]+$/, '');
}
