import { type Command, Option } from 'commander';
import type { ModelList } from '../../../shared/api/models.ts';
import { counted } from '../../../shared/problems/counted.ts';
import { getJson } from '../client/get-json.ts';
import { addClientOptions, readClient } from '../options/client-options.ts';
import type { SettingOptions } from '../options/setting-options.ts';
import { COMMAND } from '../own-command.ts';
import { out } from '../terminal/style.ts';
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
      else process.stdout.write(tableOf(list));
    });
  addStoredModelCommands(models, NODE_STORE);
  addStoredModelCommands(
    models.command('mirror').description('the models that the relay of this data folder hands to its nodes'),
    RELAY_MIRROR,
  );
}

function tableOf(list: ModelList): string {
  if (list.data.length === 0) return `No node serves a model now. Add one with: ${COMMAND} agent\n`;
  const width = Math.max(...list.data.map((model) => model.id.length));
  const rows = list.data.map((model) =>
    [
      model.id.padEnd(width),
      model.capabilities.join(',').padEnd(6),
      model.status.padEnd(9),
      counted(model.nodes, 'node'),
      `${model.context_length} tokens`,
    ].join('  '),
  );
  return `${out.dim(['MODEL'.padEnd(width), 'KIND  ', 'STATUS   ', 'NODES ', 'CONTEXT'].join('  '))}\n${rows.join('\n')}\n`;
}
