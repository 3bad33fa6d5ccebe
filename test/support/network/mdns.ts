import { createSocket } from 'node:dgram';
import type { MdnsNetwork } from '../../../shared/discovery/mdns-network.ts';

/** Multicast DNS of its own: real sockets on the loopback interface, and a port that nobody else uses. */
export async function loopbackMdns(): Promise<Required<MdnsNetwork>> {
  const socket = createSocket('udp4');
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once('error', reject);
  socket.bind(0, '127.0.0.1', resolve);
  await promise;
  const { port } = socket.address();
  await new Promise<void>((done) => void socket.close(done));
  return { interface: '127.0.0.1', port };
}
