import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { findNatsBinary } from '../../../relay/fabric/nats-server/nats-binary.ts';
import type { NatsPorts } from '../../../relay/fabric/nats-server/nats-config.ts';
import { serverFiles } from '../../../relay/fabric/nats-server/nats-server-files.ts';
import { afterTest } from '../after-test.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { until } from '../until.ts';

/** A nats-server that the relay did not start, with free ports and the rest of its configuration given. */
export async function startForeignNats(t: TestContext, config: string): Promise<NatsPorts & { pid: number }> {
  const folder = temporaryFolder(t);
  const files = serverFiles(folder);
  mkdirSync(join(folder, 'accounts'));
  const ports = `host: "127.0.0.1"\nport: -1\nports_file_dir: "${folder}/ports"\n`;
  writeFileSync(files.config, `${ports}websocket { host: "127.0.0.1", port: -1, no_tls: true }\n${config}`);
  const { path } = await findNatsBinary();
  const server = spawn(path, ['-c', files.config], { cwd: folder, stdio: 'ignore' });
  const exited = once(server, 'exit');
  afterTest(t, async () => {
    server.kill('SIGKILL');
    await exited;
  });
  const pid = server.pid ?? 0;
  await until(() => files.readPorts(pid) !== undefined);
  return { ...(files.readPorts(pid) ?? { nats: 0, websocket: 0 }), pid };
}
