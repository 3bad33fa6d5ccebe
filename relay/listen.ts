import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { Problem } from '../shared/problems/problem.ts';
import type { RelayApp } from './services.ts';

type Place = { readonly host: string; readonly port: number };

/**
 * Passes an address of this machine. The bus is to listen there too, and starts before the relay listens: what nats-server says
 * of a wrong one is of no help. Errors: `address_unavailable`.
 */
export async function assertHost(host: string): Promise<void> {
  const server = createServer();
  try {
    server.listen({ host, port: 0 });
    await once(server, 'listening');
  } catch (error) {
    throw listenProblem(error as NodeJS.ErrnoException, host, 0);
  } finally {
    server.close();
  }
}

/** Returns the address. Errors: `port_in_use`, `address_unavailable`. */
export async function listen(app: RelayApp, { host, port, tls }: Place & { tls?: unknown }): Promise<string> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    throw listenProblem(error as NodeJS.ErrnoException, host, port);
  }
  const address = app.server.address() as AddressInfo;
  const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `${tls === undefined ? 'http' : 'https'}://${shown}:${address.port}`;
}

function listenProblem(error: NodeJS.ErrnoException, host: string, port: number): unknown {
  switch (error.code) {
    case 'EADDRINUSE':
      return new Problem(
        'port_in_use',
        `Port ${port} of ${host} is taken, perhaps by another relay. Stop it, or choose another with --port.`,
        { cause: error },
      );
    case 'EACCES':
      return new Problem(
        'address_unavailable',
        `You may not listen on port ${port}. Choose one above 1023 with --port.`,
        {
          cause: error,
        },
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new Problem('address_unavailable', `${host} is no address of this machine. Choose another with --host.`, {
        cause: error,
      });
    default:
      return error;
  }
}
