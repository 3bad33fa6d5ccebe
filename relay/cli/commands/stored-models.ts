import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Command, Option } from 'commander';
import type { Inventory, StoredModel } from '../../../main/headless/models/inventory.ts';
import type { ModelStoreOptions } from '../../../main/headless/models/model-store.ts';
import type { NodeSettings } from '../../../shared/config/node-settings.ts';
import { nodeFolder, relayFolder } from '../../config/folders.ts';
import { settingsOf } from '../../config/load-settings.ts';
import { MIRROR_FOLDER } from '../../models/mirror.ts';
import { EXIT } from '../exit-codes.ts';
import { untilInterrupted } from '../interrupt.ts';
import { type JsonOption, print } from '../options/answering-command.ts';
import { addSettingOptions, loadFromOptions, type SettingOptions } from '../options/setting-options.ts';
import { suggest } from '../terminal/next-step.ts';
import { printable } from '../terminal/printable.ts';
import { NONE_HERE, sizeText, tableOf, type Verified, verifiedText, viewOf } from '../terminal/stored-model-views.ts';
import { err } from '../terminal/style.ts';
import { createTransferLine } from '../terminal/transfer-line.ts';

/** A folder of models of this machine, and what it may be filled from. */
export type StoredModels = {
  /** What it is called in help. */
  what: string;
  /** How its subcommands are called. */
  command: string;
  /** What is done with models that have come. */
  afterAdding(ids: readonly string[]): readonly [what: string, command: string];
  folder(dataFolder: string): string;
  /** Paths of the settings that `add` takes as flags. */
  addFlags: readonly string[];
  sources(settings: NodeSettings, dataFolder: string): Promise<Partial<ModelStoreOptions>>;
};

type AddOptions = JsonOption & { revision?: string; dtype?: string };

const SECTIONS = ['program', 'node'] as const;
/** A model that ships needs no download: asking for one is answered from here. */
const SHIPPED_MODELS = fileURLToPath(new URL('../../../shared/models', import.meta.url));
const NOWHERE = join(SHIPPED_MODELS, 'none');
const GIGABYTE = 1e9;

export const NODE_STORE: StoredModels = {
  what: 'the node of this machine',
  command: 'models',
  afterAdding: (ids) => ['Serve it:', `agent --model ${ids.join(' ')}`],
  folder: (data) => join(nodeFolder(data), 'models'),
  addFlags: ['node.relay', 'node.hub', 'node.hub_token', 'node.model_sources', 'node.models_quota_gb'],
  async sources({ relay, hub, hub_token, model_sources, models_quota_gb }, data) {
    const { relayFetchOf } = await import('../../../main/headless/headless-agent.ts');
    return {
      modelFolder: SHIPPED_MODELS,
      relayUrl: relay,
      relayFetch: relayFetchOf({ dataFolder: nodeFolder(data), relayUrl: relay }),
      allowedSources: model_sources,
      ...(hub === undefined ? {} : { hubUrl: hub }),
      ...(hub_token === undefined ? {} : { hubToken: hub_token }),
      ...(models_quota_gb === undefined ? {} : { quotaBytes: () => models_quota_gb * GIGABYTE }),
    };
  },
};

/** Without the token of the hub: whoever reaches the relay can read its mirror, which private files are not for. */
export const RELAY_MIRROR: StoredModels = {
  what: 'the mirror of the relay',
  command: 'models mirror',
  afterAdding: () => ['All that it hands to nodes:', 'models mirror list'],
  folder: (data) => join(relayFolder(data), MIRROR_FOLDER),
  addFlags: ['node.hub'],
  sources: async ({ hub }) => ({
    modelFolder: NOWHERE,
    allowedSources: ['hub'],
    ...(hub === undefined ? {} : { hubUrl: hub }),
  }),
};

/** `add`, `list`, `remove`, `verify`, `pin` and `unpin` on the models of one folder. */
export function addStoredModelCommands(parent: Command, stored: StoredModels): void {
  const { what } = stored;
  addSettingOptions(parent.command('add <model...>'), SECTIONS, ['data', ...stored.addFlags])
    .description(`download models for ${what}, or complete and repair them`)
    .addOption(new Option('--revision <name>', 'branch, tag or commit (default: main)'))
    .addOption(new Option('--dtype <dtype>', 'dtype of the weights (default: the first of q8, fp32, q4, fp16)'))
    .addOption(jsonOption())
    .action((ids: string[], options: AddOptions) => add(stored, ids, options));
  withData(parent.command('list'))
    .alias('installed')
    .description(`list the downloaded models of ${what} with their sizes`)
    .action(async (options: JsonOption) => {
      const models = await (await openInventory(stored, options)).list();
      print(options, models.map(viewOf), tableOf(models));
    });
  withData(parent.command('remove <model...>'))
    .description(`remove models of ${what} that nobody uses`)
    .action(async (names: string[], options: JsonOption) => {
      const inventory = await openInventory(stored, options);
      const removed: StoredModel[] = [];
      for (const name of names) removed.push(await inventory.remove(name));
      const lines = removed.map(({ name, sizeBytes }) => `${printable(name)} is removed (${sizeText(sizeBytes)}).\n`);
      print(options, removed.map(viewOf), lines.join(''));
      suggest(options, 'Download it again:', `${stored.command} add ${names[0]}`);
    });
  withData(parent.command('verify [model...]'))
    .description(`read every file of ${what} again and name what differs from what was trusted`)
    .action((names: string[], options: JsonOption) => verify(stored, names, options));
  for (const [command, pinned] of [['pin', true] as const, ['unpin', false] as const]) {
    withData(parent.command(`${command} <model...>`))
      .description(pinned ? 'keep models when space runs out' : 'let models go when space runs out')
      .action(async (names: string[], options: JsonOption) => {
        const inventory = await openInventory(stored, options);
        for (const name of names) await inventory.pin(name, pinned);
        const kept = pinned
          ? 'is pinned: it stays when space runs out'
          : 'is not pinned: it may go when space runs out';
        print(options, { pinned, models: names }, names.map((name) => `${printable(name)} ${kept}.\n`).join(''));
        const [what, opposite] = pinned ? ['Let it go again:', 'unpin'] : ['Keep it again:', 'pin'];
        suggest(options, what, `${stored.command} ${opposite} ${names[0]}`);
      });
  }
}

async function add(stored: StoredModels, ids: string[], options: AddOptions): Promise<void> {
  const { createModelStore } = await import('../../../main/headless/models/model-store.ts');
  const { folder, node, data } = read(stored, options);
  const controller = new AbortController();
  void untilInterrupted().then(() => controller.abort(new Error('interrupted')));
  const line = createTransferLine(process.stderr, options.json === true);
  const store = createModelStore({
    modelFolder: SHIPPED_MODELS,
    ...(await stored.sources(node, data)),
    cacheFolder: folder,
    onProgress: line.show,
    onEvicted: (name) => line.say(`${printable(name)} was removed to make room`),
  });
  const installed: unknown[] = [];
  try {
    for (const id of ids) {
      const model = await store.install(requestOf(id, options), controller.signal);
      line.clear();
      installed.push({ model: model.id, revision: model.revision, dtype: model.dtype, size_bytes: model.sizeBytes });
      const text = `${printable(model.id)} is here: ${model.dtype}, ${sizeText(model.sizeBytes)}, ${model.revision}\n`;
      if (options.json !== true) process.stdout.write(text);
    }
    if (options.json === true) process.stdout.write(`${JSON.stringify(installed)}\n`);
    suggest(options, ...stored.afterAdding(ids));
  } catch (error) {
    line.clear();
    if (!controller.signal.aborted) throw error;
    process.stderr.write('Stopped. What was downloaded is kept; the same command continues it.\n');
    process.exitCode = EXIT.interrupted;
  }
}

async function verify(stored: StoredModels, names: string[], options: JsonOption): Promise<void> {
  const inventory = await openInventory(stored, options);
  const wanted = names.length > 0 ? names : (await inventory.list()).map(({ name }) => name);
  const results: Verified[] = [];
  for (const model of wanted) {
    try {
      const files = await inventory.verify(model);
      results.push({ model, whole: files.every(({ state }) => state === 'whole' || state === 'unknown'), files });
    } catch (error) {
      if (names.length > 0) throw error;
      results.push({ model, whole: false, files: [], problem: error instanceof Error ? error.message : String(error) });
    }
  }
  print(options, results, results.length === 0 ? NONE_HERE : results.map(verifiedText).join(''));
  if (results.every(({ whole }) => whole)) return;
  process.stderr.write(`${err.red('error')} Some files are not what was trusted. Add the model again to repair it.\n`);
  process.exitCode = EXIT.failed;
}

function requestOf(name: string, { revision, dtype }: AddOptions) {
  const [id = '', task] = name.split('#');
  return {
    id,
    ...(task === undefined ? {} : { task }),
    ...(revision === undefined ? {} : { revision }),
    ...(dtype === undefined ? {} : { dtype }),
  };
}

function withData(command: Command): Command {
  return addSettingOptions(command, SECTIONS, ['data']).addOption(jsonOption());
}

function jsonOption(): Option {
  return new Option('--json', 'print the answer as JSON');
}

function read(stored: StoredModels, options: SettingOptions): { folder: string; node: NodeSettings; data: string } {
  const loaded = loadFromOptions(SECTIONS, options);
  const { data } = settingsOf(loaded, 'program');
  return { folder: stored.folder(data), node: settingsOf(loaded, 'node'), data };
}

async function openInventory(stored: StoredModels, options: SettingOptions): Promise<Inventory> {
  const { createInventory } = await import('../../../main/headless/models/inventory.ts');
  return createInventory({ cacheFolder: read(stored, options).folder });
}
