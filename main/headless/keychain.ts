/** The keychain of the system: one secret per account of this program. */
export type Keychain = {
  /** Null when there is none. Rejects when the keychain is locked, absent or does not answer. */
  read(account: string, signal: AbortSignal): Promise<string | null>;
  write(account: string, secret: string, signal: AbortSignal): Promise<void>;
  remove(account: string, signal: AbortSignal): Promise<void>;
};

const SERVICE = 'sparewatt';

/**
 * macOS's Keychain, Windows' Credential Manager, or the Secret Service of a Linux desktop; undefined where the machine
 * has no such thing. On Linux never the kernel's keyring, which forgets with the next start of the machine.
 */
export async function systemKeychain(env: NodeJS.ProcessEnv = process.env): Promise<Keychain | undefined> {
  if (process.platform === 'linux' && !env.DBUS_SESSION_BUS_ADDRESS) return undefined;
  // Its binary is an optional dependency, which not every platform has.
  const library = await import('@napi-rs/keyring').catch(() => undefined);
  if (library === undefined) return undefined;
  const entryOf = (account: string) => new library.AsyncEntry(SERVICE, account, { linux: { store: 'secret-service' } });
  return {
    read: async (account, signal) => (await entryOf(account).getPassword(signal)) ?? null,
    write: (account, secret, signal) => entryOf(account).setPassword(secret, signal),
    remove: async (account, signal) => void (await entryOf(account).deletePassword(signal)),
  };
}
