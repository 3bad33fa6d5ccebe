import { type Command, Option } from 'commander';
import { readAdminToken } from '../local-relay.ts';
import { adminTokenOption, DEFAULT_RELAY, dataOption, relayOption } from '../options.ts';
import { fetchSnapshot, snapshotText, writeSnapshotFile } from '../snapshot-file.ts';

type SnapshotCommandOptions = { relay: string; data: string; adminToken?: string; out?: string };

export function addSnapshotCommand(program: Command): void {
  program
    .command('snapshot')
    .description('print the whole state of a relay as JSON: health, nodes, models, jobs, configuration')
    .addOption(relayOption().default(DEFAULT_RELAY))
    .addOption(dataOption())
    .addOption(adminTokenOption())
    .addOption(new Option('--out <file>', 'write it to a file instead'))
    .action(async (options: SnapshotCommandOptions) => {
      const adminToken = options.adminToken ?? (await readAdminToken(options.data));
      const snapshot = await fetchSnapshot(options.relay, adminToken);
      if (options.out === undefined) {
        process.stdout.write(snapshotText(snapshot));
        return;
      }
      writeSnapshotFile(options.out, snapshot);
      process.stderr.write(`${snapshot.nodes.length} nodes, ${snapshot.models.length} models: ${options.out}\n`);
    });
}
