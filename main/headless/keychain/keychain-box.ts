import { Problem } from '../../../shared/problems/problem.ts';
import type { SecretBox } from '../secret-box.ts';
import { KEYCHAIN_SERVICE, type Keychain, KeychainFault } from './keychain.ts';
import { CALL_LIMIT_MS, callKeychain, type TimeLimit } from './keychain-calls.ts';

export type KeychainBoxOptions = {
  keychain: Keychain;
  account: string;
  /** Keeps, where the secret would lie without a keychain, a note of where it lies instead. */
  note: SecretBox;
  /** The path of the note, for a person who wants to be rid of it. */
  notePath: string;
  /** Whether the note is there, so that an empty keychain has lost a secret. */
  isNoted: boolean;
  limit: TimeLimit;
};

/**
 * A secret in an entry of the keychain. Errors: `keychain_unavailable` when the keychain does not give or take it; it is
 * never mistaken for one that was not made yet.
 */
export function keychainBox({ keychain, account, note, notePath, isNoted, limit }: KeychainBoxOptions): SecretBox {
  const where = `${keychain.name}, service ${KEYCHAIN_SERVICE}, account "${account}"`;
  const read = () => callKeychain(CALL_LIMIT_MS, limit, (signal) => keychain.read(account, signal));
  return {
    where,
    read: async () => {
      if (!isNoted) return undefined;
      const secret = await read().catch((error: unknown) => {
        throw unavailable(`The key of this node lies in ${where}, which cannot be read: ${reasonOf(error)}.`, error);
      });
      if (secret !== undefined) return secret;
      throw new Problem(
        'keychain_unavailable',
        `The key of this node should lie in ${where}, and is not there. Start the node as the user, and on the machine, ` +
          `that it was made on; or remove ${notePath} and become a new node.`,
      );
    },
    write: async (secret) => {
      try {
        await callKeychain(CALL_LIMIT_MS, limit, (signal) => keychain.write(account, secret, signal));
        if ((await read()) !== secret) throw new Error('it does not give back what was written to it');
      } catch (error) {
        throw unavailable(`The key of this node cannot be kept in ${where}: ${reasonOf(error)}.`, error);
      }
      // Last: until then a crash leaves the folder as it was, and at most an entry that nobody uses.
      await note.write(noteText(account));
      isNoted = true;
    },
  };
}

/** The account that a note names; undefined for any other text. */
export function accountInNote(text: string): string | undefined {
  try {
    const { keychain } = JSON.parse(text) as { keychain?: { account?: unknown } };
    return typeof keychain?.account === 'string' ? keychain.account : undefined;
  } catch {
    return undefined;
  }
}

function noteText(account: string): string {
  return `${JSON.stringify({ keychain: { service: KEYCHAIN_SERVICE, account } })}\n`;
}

/** A refusal that says what can be done about a keychain. */
export function unavailable(whatHappened: string, cause: unknown): Problem {
  return new Problem(
    'keychain_unavailable',
    `${whatHappened} Unlock it, as by signing in at the screen, and start again; where nobody signs in, start once with ` +
      '--key-store file while it is unlocked, and the key moves to a file.',
    { cause },
  );
}

/** The end of a sentence. */
export function reasonOf(error: unknown): string {
  if (error instanceof KeychainFault) return 'it is not there or does not let the node in';
  return error instanceof Error ? error.message : String(error);
}
