import type { Command } from 'commander';
import { openDataFolder } from '../../data-folder/data-folder.ts';
import { readOrCreateBusIdentity } from '../../fabric/bus-identity.ts';
import { exportNatsConfig } from '../../fabric/nats-config.ts';
import { createProcessLog } from '../../process-log.ts';
import { relayFolder } from '../local-relay.ts';
import { dataOption } from '../options.ts';

export function addNatsConfigCommand(program: Command): void {
  program
    .command('nats-config')
    .description('print the configuration with which your own NATS server keeps the nodes of this relay apart')
    .addOption(dataOption())
    .action(async (options: { data: string }) => {
      const folder = openDataFolder(relayFolder(options.data), { log: createProcessLog('warn') });
      try {
        process.stdout.write(exportNatsConfig(readOrCreateBusIdentity(folder), Math.floor(Date.now() / 1000)));
      } finally {
        folder.close();
      }
    });
}
