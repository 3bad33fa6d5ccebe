import { type Command, Option } from 'commander';
import { counted } from '../../../shared/problems/counted.ts';
import { fetchSnapshot, snapshotText, writeSnapshotFile } from '../client/snapshot-file.ts';
import { addClientOptions, readOperator } from '../options/client-options.ts';
import type { SettingOptions } from '../options/setting-options.ts';

type SnapshotCommandOptions = SettingOptions & { out?: string };

export function defineSnapshotCommand(command: Command): void {
  addClientOptions(command, ['admin_token'])
    .addOption(new Option('--out <file>', 'write it to a file instead'))
    // For scripts that say it to every command.
    .addOption(new Option('--json', 'the same: a snapshot is JSON'))
    .action(async (options: SnapshotCommandOptions) => {
      const { relayUrl, adminToken } = await readOperator(options);
      const snapshot = await fetchSnapshot(relayUrl, adminToken);
      if (options.out === undefined) {
        process.stdout.write(snapshotText(snapshot));
        return;
      }
      writeSnapshotFile(options.out, snapshot);
      process.stderr.write(
        `${counted(snapshot.nodes.length, 'node')}, ${counted(snapshot.models.length, 'model')}: ${options.out}\n`,
      );
    });
}
