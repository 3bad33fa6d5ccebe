import { request as ask, createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';

export type RelayFront = { url: string; close(): Promise<void> };

/** Passes a request on, to the same path of the relay unless it says where. */
export type PassOn = (request: IncomingMessage, response: ServerResponse, target?: URL) => void;

/**
 * A door before a relay, which answers what it wants to answer itself and passes on the rest, WebSockets too. `answer` says
 * whether it has.
 */
export async function startRelayFront(
  relayUrl: string,
  answer: (request: IncomingMessage, response: ServerResponse, pass: PassOn) => boolean,
): Promise<RelayFront> {
  const pass: PassOn = (request, response, target = new URL(request.url ?? '/', relayUrl)) => {
    const passed = ask(target, { method: request.method ?? 'GET', headers: request.headers }, (answered) => {
      response.writeHead(answered.statusCode ?? 502, answered.headers);
      answered.pipe(response);
      answered.on('error', () => response.destroy());
      answered.on('close', () => answered.complete || response.destroy());
    });
    passed.on('error', () => response.destroy());
    response.on('close', () => passed.destroy());
    request.pipe(passed);
  };
  const server = createServer((request, response) => {
    if (!answer(request, response, pass)) pass(request, response);
  });
  server.on('upgrade', (request, socket, head) => {
    const { hostname, port } = new URL(relayUrl);
    const line = connect(Number(port), hostname, () => {
      const headers = Object.entries(request.headers).map(([name, value]) => `${name}: ${String(value)}`);
      line.write(`${request.method} ${request.url} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`);
      line.write(head);
      line.pipe(socket).pipe(line);
    });
    for (const end of [line, socket]) end.on('error', () => [line, socket].forEach((each) => void each.destroy()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
