import { once } from 'node:events';
import { createServer } from 'node:net';
import { codeOf } from '../../data-folder/folder-problems.ts';

/** Whether nobody listens on a port now. What else may be wrong with it, whoever takes it will hear. */
export async function isPortFree(host: string, port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, 'listening');
    return true;
  } catch (error) {
    return codeOf(error) !== 'EADDRINUSE';
  } finally {
    server.close();
  }
}
