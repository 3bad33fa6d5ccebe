import { type LookupAddress, lookup as lookUp } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';

/** Which addresses may be connected to, and how names are resolved; by the system unless given. */
export type AddressGuard = {
  readonly isAllowed: (address: string) => boolean;
  readonly resolve?: ((host: string) => Promise<readonly LookupAddress[]>) | undefined;
};

/**
 * Resolves a name for one connection, which then goes to an address that was looked at: whoever answers the next question for the
 * name otherwise changes nothing. Fails where no address is allowed, and `mixed: 'refused'` where any is not. A literal address is
 * never looked up, see `isForbiddenLiteral`.
 */
export function guardedLookup(
  { isAllowed, resolve = resolveBySystem }: AddressGuard,
  { mixed, refusal }: { mixed: 'refused' | 'filtered'; refusal: (host: string) => Error },
): LookupFunction {
  return (host, { all = false }, done) => {
    resolve(host).then(
      (addresses) => {
        const allowed = addresses.filter(({ address }) => isAllowed(address));
        const [first] = allowed;
        const isRefused = mixed === 'refused' && allowed.length < addresses.length;
        if (first === undefined || isRefused) done(refusal(host), '', 0);
        else if (all) done(null, allowed);
        else done(null, first.address, first.family);
      },
      (error: Error) => done(error, '', 0),
    );
  };
}

/** Whether a URL's host is an address itself, of which no lookup is asked, and none that is allowed. */
export function isForbiddenLiteral({ hostname }: URL, { isAllowed }: AddressGuard): boolean {
  const host = hostname.replace(/^\[|\]$/g, '');
  return isIP(host) !== 0 && !isAllowed(host);
}

/** The same, where names that every machine takes for itself are known before they are looked up. */
export function isForbiddenHost(url: URL, guard: AddressGuard): boolean {
  if (/^(.+\.)?localhost\.?$/.test(url.hostname)) return !guard.isAllowed('127.0.0.1');
  return isForbiddenLiteral(url, guard);
}

function resolveBySystem(host: string): Promise<LookupAddress[]> {
  return new Promise((resolve, reject) => {
    lookUp(host, { all: true }, (error, addresses) => (error === null ? resolve(addresses) : reject(error)));
  });
}
