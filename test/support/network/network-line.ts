import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A line to a relay that a test can cut, as a pulled plug or a crashed machine would. */
export type NetworkLine = {
  /** In place of the relay's own. */
  readonly url: string;
  /** Resets all connections and refuses new ones. */
  cut(): void;
  /** Lets new connections through again. */
  mend(): void;
  /** Lets nothing through any more, without a word to either side. */
  silence(): void;
  close(): void;
};

export async function startNetworkLine(relayUrl: string): Promise<NetworkLine> {
  const { hostname, port } = new URL(relayUrl);
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createServer((near) => {
    if (isCut) {
      near.resetAndDestroy();
      return;
    }
    const far = connect(Number(port), hostname);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut: () => {
      isCut = true;
      for (const socket of sockets) socket.resetAndDestroy();
    },
    mend: () => {
      isCut = false;
    },
    silence: () => {
      for (const socket of sockets) {
        socket.unpipe();
        socket.pause();
      }
    },
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
