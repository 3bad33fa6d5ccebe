import type { ServerResponse } from 'node:http';

export type EventWriter = {
  /** Returns false while the socket is full: what is written then waits in memory. */
  write(text: string): boolean;
  /** Calls back each time that a socket which was full has taken everything. */
  onDrain(listener: () => void): void;
};

/**
 * Writes a response in chunks, whose head `writeHead` was given (RFC 9112, section 7.1). Each chunk is one string to the
 * socket: `response.write` hands over the size, two line ends and the text apart, one turn later, which costs an answer
 * of many small events more than all else that is done for them. A response without a socket of its own, or
 * without chunks, is written as ever.
 */
export function createEventWriter(response: ServerResponse): EventWriter {
  const listeners: (() => void)[] = [];
  const onDrain = (): void => {
    for (const listener of listeners) listener();
  };
  let hasBegun = false;
  let isAwaited = false;
  const awaitDrain = (socket: NodeJS.EventEmitter): void => {
    if (isAwaited) return;
    isAwaited = true;
    socket.once('drain', () => {
      isAwaited = false;
      onDrain();
    });
  };
  response.on('drain', onDrain);
  return {
    write: (text) => {
      const { socket } = response;
      if (response.destroyed || response.writableEnded) return true;
      // The first takes the head along.
      if (!hasBegun || socket === null || !response.chunkedEncoding) {
        hasBegun = true;
        return response.write(text);
      }
      const sizeBytes = Buffer.byteLength(text);
      // What is ASCII alone needs no conversion.
      const encoding = sizeBytes === text.length ? 'latin1' : 'utf8';
      const hasRoom = socket.write(`${sizeBytes.toString(16)}\r\n${text}\r\n`, encoding);
      if (!hasRoom) awaitDrain(socket);
      return hasRoom;
    },
    onDrain: (listener) => void listeners.push(listener),
  };
}
