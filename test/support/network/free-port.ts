import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below what any system gives to whoever asks for no port in particular, as every connection does. */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_000;

/**
 * A port, of loopback unless said otherwise, for a process that must be found at the same one again, or for none at all. Nobody
 * listens on it, and nobody is given it by chance meanwhile.
 */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  while (true) {
    const port = randomInt(FIRST_PORT, LAST_PORT);
    if (await isFree(host, port)) return port;
  }
}

async function isFree(host: string, port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
    throw error;
  }
  server.close();
  await once(server, 'close');
  return true;
}
