import { LIMITS } from './limits.ts';

/** What is looked at of a message of the bus, as both libraries for it have it. */
export type HeadedMessage<Headers> = {
  readonly subject: string;
  readonly reply?: string;
  readonly data: Uint8Array;
  readonly headers?: Headers;
  /** Bytes of subject, reply, headers and data; both have it, and their types do not tell. */
  size?(): number;
};

/**
 * The headers of a message, which may come from anybody; undefined when there are none, more than `maxHeaderBytes` of them
 * or some that cannot be read. Never throws.
 */
export function headersOf<Headers>(message: HeadedMessage<Headers>): Headers | undefined {
  const { subject, reply = '', data } = message;
  const headerBytes = (message.size?.() ?? 0) - subject.length - reply.length - data.length;
  // Before they are read, for which the libraries take a time that grows with the square of the number of headers.
  if (headerBytes <= 0 || headerBytes > LIMITS.maxHeaderBytes) return undefined;
  try {
    return message.headers;
  } catch {
    // The libraries read headers when they are asked for, and throw at a name that is none.
    return undefined;
  }
}
