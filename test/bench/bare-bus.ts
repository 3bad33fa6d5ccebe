import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findNatsBinary } from '../../relay/fabric/nats-server/nats-binary.ts';
import { startReadyProcess } from '../support/ready-process.ts';
import { until } from '../support/until.ts';

export type BareBus = { url: string; stop(): Promise<void> };

/** The least that a relay can do: an HTTP server that passes the body over NATS to a responder and sends its answer. */
export async function startBareBus(): Promise<BareBus> {
  const folder = mkdtempSync(join(tmpdir(), 'sparewatt-bare-'));
  const config = join(folder, 'nats.conf');
  writeFileSync(
    config,
    `listen: "127.0.0.1:-1"\nports_file_dir: "${folder}"\nwebsocket { listen: "127.0.0.1:-1", no_tls: true }\n`,
  );
  const server = spawn((await findNatsBinary()).path, ['-c', config], { stdio: 'ignore' });
  const exited = once(server, 'exit');
  const ports = await portsOf(folder);
  const responder = await startReadyProcess(new URL('servers/responder.ts', import.meta.url), [ports.websocket]);
  const front = await startReadyProcess<string>(new URL('servers/front.ts', import.meta.url), [ports.nats]);
  return {
    url: front.message,
    stop: async () => {
      await Promise.all([front.stop(), responder.stop()]);
      server.kill();
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function portsOf(folder: string): Promise<{ nats: string; websocket: string }> {
  const file = (): string | undefined => readdirSync(folder).find((name) => name.endsWith('.ports'));
  await until(() => file() !== undefined);
  const ports = JSON.parse(readFileSync(join(folder, file() ?? ''), 'utf8')) as { nats: string[]; websocket: string[] };
  return { nats: ports.nats[0] ?? '', websocket: ports.websocket[0] ?? '' };
}
