import { type LookupAddress, lookup as lookUp } from 'node:dns';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { Problem } from '../../shared/problems/problem.ts';

/** How an address is asked; what is not the internet's is for tests. */
export type PictureTransport = {
  readonly isAllowed: (address: string) => boolean;
  /** PEM of who vouches for hosts beside the authorities that Node knows. */
  readonly ca?: string | undefined;
  /** Resolves a name; the system's own when absent. */
  readonly resolve?: ((host: string) => Promise<readonly LookupAddress[]>) | undefined;
};

/** Forms that are sent without a type of their own come as this. */
const TYPES = /^(image\/(png|jpe?g|webp|gif)|application\/octet-stream|binary\/octet-stream)\s*(;|$)/i;
const HEADERS = {
  accept: 'image/png, image/jpeg, image/webp, image/gif',
  'accept-encoding': 'identity',
  'user-agent': 'Sparewatt',
};

/** What a host says to one request: where else to ask, or a body that has a picture's type. */
export type PictureAnswer = { readonly location: string } | { readonly body: IncomingMessage };

/**
 * Asks for one address. The name is resolved once, and the connection goes to an address that was looked at: a name with
 * any address that is not allowed is asked nothing. Errors: `image_unavailable`, `unsupported_media`.
 */
export function askForPicture(url: URL, transport: PictureTransport, signal: AbortSignal): Promise<PictureAnswer> {
  const { ca, isAllowed } = transport;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  // A literal address is never looked up.
  if (isIP(host) !== 0 && !isAllowed(host)) return Promise.reject(unreachable(url));
  const options = { headers: HEADERS, lookup: lookupOf(transport), agent: false, signal, ...(ca && { ca }) };
  return new Promise((resolve, reject) => {
    const asked = request(url, options, (response) => {
      try {
        resolve(readHead(url, response));
      } catch (error) {
        response.destroy();
        reject(error);
      }
    });
    asked.on('error', () => reject(signal.aborted ? signal.reason : unreachable(url)));
    asked.end();
  });
}

function lookupOf({ isAllowed, resolve = resolveBySystem }: PictureTransport): LookupFunction {
  return (host, { all = false }, done) => {
    resolve(host).then(
      (addresses) => {
        const [first] = addresses;
        const isRefused = addresses.some(({ address }) => !isAllowed(address));
        if (first === undefined || isRefused) done(new Error('no allowed address'), '', 0);
        else if (all) done(null, [...addresses]);
        else done(null, first.address, first.family);
      },
      (error: Error) => done(error, '', 0),
    );
  };
}

function resolveBySystem(host: string): Promise<LookupAddress[]> {
  return new Promise((resolve, reject) => {
    lookUp(host, { all: true }, (error, addresses) => (error === null ? resolve(addresses) : reject(error)));
  });
}

function readHead(url: URL, response: IncomingMessage): PictureAnswer {
  const { statusCode = 0, headers } = response;
  if ([301, 302, 303, 307, 308].includes(statusCode) && headers.location !== undefined) {
    response.destroy();
    return { location: headers.location };
  }
  if (statusCode !== 200) {
    throw new Problem('image_unavailable', `${url.hostname} answers with status ${statusCode} instead of a picture.`);
  }
  const isPlain = headers['content-encoding'] === undefined || headers['content-encoding'] === 'identity';
  if (isPlain && TYPES.test(headers['content-type'] ?? 'application/octet-stream')) return { body: response };
  throw new Problem('unsupported_media', `What ${url.hostname} sends is no picture in png, jpeg, webp or gif.`);
}

/** The same for a name that nobody has and one that leads inside: nobody learns here what is there. */
function unreachable(url: URL): Problem {
  const sentence = `${url.hostname} cannot be reached over https on the internet. Send the picture as a data URL.`;
  return new Problem('image_unavailable', sentence);
}
