/**
 * Fetches the pictures that clients name by address, so that no node ever opens one.
 *
 * 1. Only hosts that the operator has named are asked, over https on its own port, and only at addresses of the internet;
 *    each redirect is a new address and passes all of this anew.
 * 2. The pictures of one request come within `timeoutMs` and have `mostBytes` together, counted as they arrive; when one
 *    fails, or the client hangs up, all others are ended.
 * 3. `running` requests hold pictures in memory at a time, `MOST_RUNNING` at most.
 */
import type { Readable } from 'node:stream';
import { Problem } from '../../shared/problems/problem.ts';
import type { FetchedPictures } from '../../shared/protocol/messages.ts';
import { readImageHead } from '../../shared/runtimes/media/image-head.ts';
import { isPublicAddress } from '../outbound/address-kind.ts';
import { createPictureHosts, type PictureHosts } from './picture-hosts.ts';
import { askForPicture, type PictureTransport } from './picture-request.ts';

/** `hosts` as in `createPictureHosts`; the rest is for hosts that are not on the internet. */
export type PictureSources = Partial<PictureTransport> & {
  readonly hosts: readonly string[];
  /** Whether other ports than that of https may be asked. */
  readonly anyPort?: boolean;
  /** How long the pictures of one request may take; ten seconds when absent. */
  readonly timeoutMs?: number;
};

/** A picture of a request: where it lies, and the parameter that says so. */
export type PictureOrder = { readonly url: string; readonly param: string };

export type PictureFetcher = {
  /**
   * The files by address, in base64. Errors, each with the parameter of its picture: `unsupported_content` for a host that
   * is not named, `image_unavailable`, `unsupported_media`, `invalid_image`, `file_too_large`; `queue_full`; the reason
   * of `signal`.
   */
  fetch(pictures: readonly PictureOrder[], mostBytes: number, signal: AbortSignal): Promise<FetchedPictures>;
};

const MOST_REDIRECTS = 3;
/** A client waits for this before its job even begins. */
const TIMEOUT_MS = 10_000;
/** Each has some megabytes, twice while it is encoded. */
const MOST_RUNNING = 32;
const RETRY_AFTER_MS = 1_000;

export function createPictureFetcher(sources: PictureSources): PictureFetcher {
  const { hosts, anyPort = false, timeoutMs = TIMEOUT_MS, ...transport } = sources;
  const allowed = createPictureHosts(hosts);
  const ports: PictureTransport = { isAllowed: isPublicAddress, ...transport };
  let running = 0;

  async function fetchOne({ url, param }: PictureOrder, budget: Budget, signal: AbortSignal): Promise<string> {
    try {
      let at = assertAllowed(url, allowed, anyPort);
      for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
        const answer = await askForPicture(at, ports, signal);
        if ('body' in answer) return await readBody(answer.body, budget, param);
        at = assertAllowed(new URL(answer.location, at).href, allowed, anyPort);
      }
      throw new Problem('image_unavailable', `${at.hostname} leads to ever more addresses.`);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Problem))
        throw new Problem('image_unavailable', 'The picture did not come whole.', { param });
      throw new Problem(error.code, error.message, { param, cause: error });
    }
  }

  return {
    async fetch(pictures, mostBytes, signal) {
      const wanted = new Map(pictures.map((picture) => [picture.url, picture]));
      for (const { url, param } of wanted.values()) assertAllowed(url, allowed, anyPort, param);
      if (running >= MOST_RUNNING) {
        const sentence = 'The relay is fetching as many pictures as it can hold. Try again in a moment.';
        throw new Problem('queue_full', sentence, { retryAfterMs: RETRY_AFTER_MS });
      }
      running += 1;
      const others = new AbortController();
      const timer = setTimeout(() => others.abort(tooSlow(timeoutMs)), timeoutMs);
      const budget = { left: mostBytes, most: mostBytes };
      const either = AbortSignal.any([signal, others.signal]);
      try {
        const files = [...wanted.values()].map(async (picture) => {
          return [picture.url, await fetchOne(picture, budget, either)] as const;
        });
        return Object.fromEntries(await Promise.all(files));
      } catch (error) {
        others.abort(error);
        throw error;
      } finally {
        clearTimeout(timer);
        running -= 1;
      }
    },
  };
}

type Budget = { left: number; readonly most: number };

async function readBody(body: Readable, budget: Budget, param: string): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of body as AsyncIterable<Buffer>) {
    budget.left -= chunk.length;
    if (budget.left < 0) {
      const sentence = `The pictures of a request may have ${budget.most} bytes together. Send smaller ones.`;
      throw new Problem('file_too_large', sentence);
    }
    chunks.push(chunk);
  }
  const file = Buffer.concat(chunks);
  readImageHead(file, param);
  return file.toString('base64');
}

/** Without what an address could smuggle: names and passwords, other ports, other protocols. */
function assertAllowed(text: string, allowed: PictureHosts, anyPort: boolean, param?: string): URL {
  const url = URL.parse(text);
  if (url === null || url.protocol !== 'https:' || url.username !== '' || url.password !== '') {
    throw new Problem('invalid_value', 'A picture is a data URL, or an https address without a name and a password.', {
      ...(param === undefined ? {} : { param }),
    });
  }
  const host = url.hostname.replace(/^\[|\]$|\.$/g, '');
  if (allowed(host) && (anyPort || url.port === '')) return url;
  const sentence =
    `This relay fetches no pictures from ${url.host.slice(0, 256)}. Send it as a data URL, or ask the operator to add ` +
    'the host to relay.image_hosts.';
  throw new Problem('unsupported_content', sentence, param === undefined ? {} : { param });
}

function tooSlow(ms: number): Problem {
  return new Problem('image_unavailable', `The pictures did not come within ${ms} ms. Send them as data URLs.`);
}
