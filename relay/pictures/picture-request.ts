import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { Problem } from '../../shared/problems/problem.ts';
import { type AddressGuard, guardedLookup, isForbiddenLiteral } from '../outbound/guarded-lookup.ts';

/** How an address is asked; what is not the internet's is for tests. */
export type PictureTransport = AddressGuard & {
  /** PEM of who vouches for hosts beside the authorities that Node knows. */
  readonly ca?: string | undefined;
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
  const { ca } = transport;
  if (isForbiddenLiteral(url, transport)) return Promise.reject(unreachable(url));
  const lookup = guardedLookup(transport, { mixed: 'refused', refusal: () => unreachable(url) });
  const options = { headers: HEADERS, lookup, agent: false, signal, ...(ca && { ca }) };
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
