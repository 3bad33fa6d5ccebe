import { mkdtempSync, rmSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataFolder } from '../../../relay/data-folder/data-folder.ts';
import { readOrCreateAuthority } from '../../../relay/tls/certificate-authority.ts';
import { collectLog } from '../log.ts';
import { serverIdentity } from './tls.ts';

export type PictureHost = {
  readonly port: number;
  /** Who vouches for it, PEM. */
  readonly ca: string;
  /** The paths that were asked for. */
  readonly asked: string[];
  close(): Promise<void>;
};

/** An https server of this machine that bears these names. */
export async function startPictureHost(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  names: string[] = ['localhost'],
): Promise<PictureHost> {
  const place = mkdtempSync(join(tmpdir(), 'sparewatt-test-'));
  const folder = openDataFolder(place, { log: collectLog() });
  const authority = readOrCreateAuthority(folder, Date.now);
  const asked: string[] = [];
  const server = createServer(serverIdentity(authority, names), (request, response) => {
    asked.push(request.url ?? '');
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    ca: authority.certificate,
    asked,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      folder.close();
      rmSync(place, { recursive: true, force: true });
    },
  };
}
