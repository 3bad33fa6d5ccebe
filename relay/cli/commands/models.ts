import { type Command, Option } from 'commander';
import type { ModelList } from '../../../shared/api/models.ts';
import { getJson } from '../get-json.ts';
import { readApiKey } from '../local-relay.ts';
import { DEFAULT_RELAY, dataOption, relayOption } from '../options.ts';
import { out } from '../style.ts';

type ModelsCommandOptions = { relay: string; data: string; apiKey?: string; json?: boolean };

export function addModelsCommand(program: Command): void {
  program
    .command('models')
    .description('list the models that the pool can serve now')
    .addOption(relayOption().default(DEFAULT_RELAY))
    .addOption(dataOption())
    .addOption(
      new Option('--api-key <key>', 'API key (default: that of the relay in the data folder)').env('SPAREWATT_API_KEY'),
    )
    .addOption(new Option('--json', 'print the list as JSON'))
    .action(async (options: ModelsCommandOptions) => {
      const apiKey = options.apiKey ?? (await readApiKey(options.data));
      const list = await getJson<ModelList>(options.relay, '/v1/models', apiKey);
      if (options.json === true) process.stdout.write(`${JSON.stringify(list.data)}\n`);
      else process.stdout.write(tableOf(list));
    });
}

function tableOf(list: ModelList): string {
  if (list.data.length === 0) return 'No node serves a model now. Add one with: sparewatt agent\n';
  const width = Math.max(...list.data.map((model) => model.id.length));
  const rows = list.data.map((model) =>
    [
      model.id.padEnd(width),
      model.capabilities.join(',').padEnd(6),
      model.status.padEnd(9),
      `${model.nodes} ${model.nodes === 1 ? 'node' : 'nodes'}`,
      `${model.context_length} tokens`,
    ].join('  '),
  );
  return `${out.dim(['MODEL'.padEnd(width), 'KIND  ', 'STATUS   ', 'NODES ', 'CONTEXT'].join('  '))}\n${rows.join('\n')}\n`;
}
