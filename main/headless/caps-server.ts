import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { toErrorBody } from '../../shared/problems/http.ts';
import { Problem } from '../../shared/problems/problem.ts';
import type { CapabilityDocument } from '../../shared/protocol/capabilities.ts';

export type CapsServer = { readonly url: string; close(): Promise<void> };

export type CapsServerOptions = {
  /** 0 takes a free one. */
  port: number;
  document: () => Promise<CapabilityDocument>;
};

const HOST = '127.0.0.1';

/**
 * `GET /caps` for programs on the node's own machine: the document that the relay gets. Listens to this machine alone,
 * and answers only those that ask for it by a name of this machine: a web page that had its own name point here would
 * read it otherwise.
 * Errors: `port_in_use`, `address_unavailable`.
 */
export async function startCapsServer({ port, document }: CapsServerOptions): Promise<CapsServer> {
  const server = createServer((request, response) => {
    answer(request, response, document).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenProblem(error, port)));
    server.listen(port, HOST, resolve);
  });
  const address = server.address() as AddressInfo;
  return {
    url: `http://${HOST}:${address.port}/caps`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  document: CapsServerOptions['document'],
): Promise<void> {
  const refused = refusalOf(request);
  if (refused !== undefined) {
    // No page about problems is served here.
    send(response, refused.status, { ...toErrorBody(refused), type: 'about:blank' });
    return;
  }
  send(response, 200, await document());
}

function refusalOf({ headers, method, url }: IncomingMessage): Problem | undefined {
  if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/i.test(headers.host ?? '')) {
    return new Problem('insufficient_scope', 'Ask for this at 127.0.0.1: it is for programs on this machine.');
  }
  if (url?.split('?')[0] !== '/caps') return new Problem('unknown_url', 'There is only GET /caps here.');
  if (method !== 'GET') return new Problem('method_not_allowed', 'This address takes GET alone.');
  return undefined;
}

function send(response: ServerResponse, status: number, body: unknown): void {
  const type = status === 200 ? 'application/json' : 'application/problem+json';
  response.writeHead(status, { 'content-type': `${type}; charset=utf-8`, 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}

function listenProblem(error: NodeJS.ErrnoException, port: number): unknown {
  if (error.code === 'EADDRINUSE') {
    return new Problem('port_in_use', `Port ${port} is taken. Choose another with --caps-port.`, { cause: error });
  }
  if (error.code === 'EACCES') {
    return new Problem('address_unavailable', `You may not listen on port ${port}. Choose one above 1023.`, {
      cause: error,
    });
  }
  return error;
}
