import type { Command } from 'commander';
import { relayFolder } from '../../config/folders.ts';
import { openDataFolder } from '../../data-folder/data-folder.ts';
import { readOrCreateBusIdentity } from '../../fabric/bus/bus-identity.ts';
import { exportNatsConfig } from '../../fabric/nats-server/nats-config.ts';
import { createProcessLog } from '../../process-log.ts';
import { addDataOption, readDataFolder, type SettingOptions } from '../options/setting-options.ts';

export function defineNatsConfigCommand(command: Command): void {
  addDataOption(command).action(async (options: SettingOptions) => {
    const folder = openDataFolder(relayFolder(readDataFolder(options)), { log: createProcessLog('warn') });
    try {
      process.stdout.write(exportNatsConfig(readOrCreateBusIdentity(folder), Math.floor(Date.now() / 1000)));
    } finally {
      folder.close();
    }
  });
}
