/** All entries of nodes are of this service; the account tells whose. */
export const KEYCHAIN_SERVICE = 'sparewatt';

/** What a keychain has said in the words of its own library, which are for a log and not for a person. */
export class KeychainFault extends Error {}

/**
 * The little that a node needs of a keychain. Every call rejects with a sentence's end when the keychain is missing,
 * locked or broken, and may take for ever otherwise; `signal` lets go of whatever the call holds.
 */
export type Keychain = {
  /** What people call it on this system. */
  readonly name: string;
  read(account: string, signal: AbortSignal): Promise<string | undefined>;
  write(account: string, secret: string, signal: AbortSignal): Promise<void>;
  /** Nothing to remove is no error. */
  remove(account: string, signal: AbortSignal): Promise<void>;
};
