import type { FastifyRequest } from 'fastify';
import { Problem } from '../../../shared/problems/problem.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import type { FetchedPictures } from '../../../shared/protocol/messages.ts';
import { readImageHead } from '../../../shared/runtimes/media/image-head.ts';
import type { JobSpec } from '../../jobs/job.ts';
import type { PictureFetcher, PictureOrder } from '../../pictures/picture-fetcher.ts';
import type { RelayServices } from '../../services.ts';
import type { HangUp } from '../http/hang-up.ts';
import type { ChatOrder } from './chat-request.ts';

/** Is told of each picture of a conversation, and may refuse it. */
export type SeePicture = (picture: ChatPictureOrder) => void;
export type ChatPictureOrder = PictureOrder & { readonly hasDetail: boolean };

const DATA_URL = /^data:([\w.+-]+\/[\w.+-]+)?(;[\w.+-]+=[^;,]*)*;base64,/i;
/** What a job request takes beside its input and its pictures. */
const REQUEST_BYTES = 64 * 1024;

export function collectPictures(into: ChatPictureOrder[]): SeePicture {
  return (picture) => {
    into.push(picture);
    if (into.length <= LIMITS.maxChatPictures) return;
    const sentence = `A conversation may show ${LIMITS.maxChatPictures} pictures. Leave older ones out.`;
    throw new Problem('invalid_value', sentence, { param: picture.param });
  };
}

/** The address of a part `image_url`; what lies there is nobody's business yet. */
export function readPicture(part: object, role: string, param: string, seePicture: SeePicture): string {
  if (role !== 'user' && role !== 'tool') {
    throw new Problem('unsupported_content', 'Only a user or a tool shows pictures.', { param });
  }
  const { image_url: image } = part as { image_url?: unknown };
  const { url, detail } = (typeof image === 'object' && image !== null ? image : {}) as Record<string, unknown>;
  if (typeof url !== 'string') {
    const code = url === undefined ? 'missing_required_parameter' : 'invalid_value';
    throw new Problem(code, 'A picture needs an address: a data URL, or one of https.', {
      param: `${param}.image_url.url`,
    });
  }
  seePicture({ url, param, hasDetail: detail != null && detail !== 'auto' });
  return url;
}

/**
 * The job with the files behind its addresses; they and the request's own body must fit into one message. Errors: those of
 * `PictureFetcher.fetch`, and the same for data URLs.
 */
export async function withPictures(
  job: JobSpec,
  { pictures }: ChatOrder,
  { request, hangUp }: { request: FastifyRequest; hangUp: HangUp },
  services: RelayServices,
): Promise<JobSpec> {
  assertSentPictures(pictures);
  const bodyBytes = Number(request.headers['content-length'] ?? request.routeOptions.bodyLimit);
  const fetched = await fetchPictures(pictures, bodyBytes, hangUp.controller.signal, services.pictures);
  return fetched === undefined ? job : { ...job, fetched };
}

/** Looks at those that came with the request. Errors: `invalid_value`, and those of a picture that is none. */
export function assertSentPictures(pictures: ChatOrder['pictures']): void {
  for (const picture of pictures) if (isDataUrl(picture.url)) assertPicture(picture);
}

/** The files behind all other addresses; undefined where there are none. */
export async function fetchPictures(
  pictures: ChatOrder['pictures'],
  bodyBytes: number,
  signal: AbortSignal,
  fetcher: PictureFetcher,
): Promise<FetchedPictures | undefined> {
  const remote = pictures.filter(({ url }) => !isDataUrl(url));
  if (remote.length === 0) return undefined;
  const mostBytes = Math.floor(((LIMITS.maxMessageBytes - REQUEST_BYTES - bodyBytes) * 3) / 4);
  return fetcher.fetch(remote, mostBytes, signal);
}

function isDataUrl(url: string): boolean {
  return /^data:/i.test(url);
}

function assertPicture({ url, param }: PictureOrder): void {
  const [head] = DATA_URL.exec(url.slice(0, 256)) ?? [];
  if (head === undefined) {
    throw new Problem('invalid_value', 'A data URL holds a picture in base64: data:image/png;base64,….', { param });
  }
  readImageHead(Buffer.from(url.slice(head.length), 'base64'), param);
}
