import { type AddressInfo, createServer } from 'node:net';

/** A port of loopback that nobody listened on a moment ago, for a process that must be found at the same one again. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
