import { type Command, Option } from 'commander';
import { compareSnapshots, type Difference, healthFaults } from '../client/compare-snapshots.ts';
import { fetchSnapshot, readSnapshotFile, writeSnapshotFile } from '../client/snapshot-file.ts';
import { EXIT } from '../exit-codes.ts';
import { addClientOptions, readOperator } from '../options/client-options.ts';
import type { SettingOptions } from '../options/setting-options.ts';
import { printable } from '../terminal/printable.ts';
import { out } from '../terminal/style.ts';

type PreflightCommandOptions = SettingOptions & { against?: string; save?: string; json?: boolean };

export function definePreflightCommand(command: Command): void {
  addClientOptions(command, ['admin_token'])
    .argument('[snapshot]', 'file of a saved snapshot; without it only health is checked')
    .addOption(new Option('--against <file>', 'the same'))
    .addOption(new Option('--save <file>', 'write the snapshot of now to a file when the check is good'))
    .addOption(new Option('--json', 'print one JSON object with ok and differences'))
    .action(async (snapshot: string | undefined, options: PreflightCommandOptions) => {
      const file = snapshot ?? options.against;
      const before = file === undefined ? undefined : await readSnapshotFile(file);
      const { relayUrl, adminToken } = await readOperator(options);
      const now = await fetchSnapshot(relayUrl, adminToken);
      const differences = before === undefined ? healthFaults(now) : compareSnapshots(before, now);
      const ok = differences.every(({ fails }) => !fails);
      if (ok && options.save !== undefined) writeSnapshotFile(options.save, now);
      if (options.json === true) process.stdout.write(`${JSON.stringify({ ok, differences })}\n`);
      else process.stdout.write(textOf(ok, differences));
      if (!ok) process.exitCode = EXIT.failed;
    });
}

function textOf(ok: boolean, differences: Difference[]): string {
  const lines = differences.map(lineOf);
  return `${[...lines, ok ? out.green('The relay is ready.') : out.red('The relay is not what it was.')].join('\n')}\n`;
}

function lineOf({ kind, fails, subject, before, now }: Difference): string {
  const sign = fails ? out.red('FAIL') : out.dim('note');
  return `${sign}  ${kind.replaceAll('_', ' ')}  ${printable(subject)}  ${out.dim(printable(`${JSON.stringify(before)} → ${JSON.stringify(now)}`))}`;
}
