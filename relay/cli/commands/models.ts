import { type Command, Option } from 'commander';
import type { ModelList } from '../../../shared/api/models.ts';
import { counted } from '../../../shared/problems/counted.ts';
import { getJson } from '../client/get-json.ts';
import { addClientOptions, readClient } from '../options/client-options.ts';
import type { SettingOptions } from '../options/setting-options.ts';
import { COMMAND } from '../own-command.ts';
import { tableOf } from '../terminal/tables.ts';
import { addStoredModelCommands, NODE_STORE, RELAY_MIRROR } from './stored-models.ts';

type ModelsCommandOptions = SettingOptions & { json?: boolean };

export function defineModelsCommand(command: Command): void {
  const models = addClientOptions(command, ['api_key']);
  models
    .enablePositionalOptions()
    .addOption(new Option('--json', 'print the list as JSON'))
    .action(async (options: ModelsCommandOptions) => {
      const { relayUrl, apiKey } = await readClient(options);
      const list = await getJson<ModelList>(relayUrl, '/v1/models', apiKey);
      if (options.json === true) process.stdout.write(`${JSON.stringify(list.data)}\n`);
      else process.stdout.write(modelsTable(list));
    });
  addStoredModelCommands(models, NODE_STORE);
  addStoredModelCommands(
    models.command('mirror').description('the models that the relay of this data folder hands to its nodes'),
    RELAY_MIRROR,
  );
}

function modelsTable({ data }: ModelList): string {
  if (data.length === 0) return `No node serves a model now. Add one with: ${COMMAND} agent\n`;
  const rows = data.map(({ id, capabilities, status, nodes, context_length: context }) => [
    id,
    capabilities.join(','),
    status,
    counted(nodes, 'node'),
    `${context} tokens`,
  ]);
  return tableOf(['MODEL', 'KIND', 'STATUS', 'NODES', 'CONTEXT'], rows);
}
