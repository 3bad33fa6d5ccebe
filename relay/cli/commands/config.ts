import { type Command, Option } from 'commander';
import { exampleFile } from '../../config/example-file.ts';
import type { LoadedSettings } from '../../config/load-settings.ts';
import { SECTION_NAMES, type SectionName } from '../../config/sections.ts';
import { type ShownSetting, showSettings } from '../../config/shown-settings.ts';
import { unreadVariables } from '../../config/unread-variables.ts';
import { EXIT } from '../exit-codes.ts';
import { type PolicyInForce, policyInForce } from '../node/policy-in-force.ts';
import { addSettingOptions, loadFromOptions, type SettingOptions } from '../options/setting-options.ts';
import { err, out } from '../terminal/style.ts';
import { AGENT_SECTIONS } from './agent.ts';
import { RELAY_SECTIONS } from './relay.ts';

type ConfigCommandOptions = SettingOptions & { json?: boolean; check?: boolean; example?: boolean };

/** `sparewatt config`, also named `config explain`, and `sparewatt config relay …` for what `sparewatt relay …` would run with. */
export function defineConfigCommand(config: Command): void {
  addAction(config, SECTION_NAMES, ['program']);
  config.addOption(new Option('--example', 'print a configuration file in which everything is explained'));
  for (const [name, sections] of [
    ['relay', RELAY_SECTIONS],
    ['agent', AGENT_SECTIONS],
  ] as const) {
    addAction(config.command(name), sections, sections).description(`what "sparewatt ${name}" would run with`);
  }
  addAction(config.command('explain'), SECTION_NAMES, ['program']).description(
    'every setting, and where its value comes from',
  );
}

function addAction(command: Command, sections: readonly SectionName[], flags: readonly SectionName[]): Command {
  return (
    addSettingOptions(command, flags)
      .addOption(new Option('--json', 'print one JSON object with file, settings, policy, preferences and faults'))
      .addOption(new Option('--check', 'end with 1 and say why if anything is wrong'))
      // commander gives a flag that both know to the command before.
      .action((_options: unknown, self: Command) => show(self.optsWithGlobals<ConfigCommandOptions>(), sections))
  );
}

function show(options: ConfigCommandOptions, sections: readonly SectionName[]): void {
  if (options.example === true) {
    process.stdout.write(exampleFile());
    return;
  }
  const loaded = loadFromOptions(sections, options);
  const settings = showSettings(loaded.settings);
  const inForce = sections.includes('node') ? policyInForce(loaded) : undefined;
  const faults = [...loaded.faults, ...(inForce?.fault === undefined ? [] : [inForce.fault])];
  if (options.json === true) {
    const { policy = null, preferences = null } = inForce ?? {};
    const file = loaded.file?.path ?? null;
    process.stdout.write(`${JSON.stringify({ file, settings, policy, preferences, faults })}\n`);
  } else if (options.check !== true) {
    process.stdout.write(tableOf(loaded, settings) + ownerLines(inForce));
  }
  for (const fault of faults) process.stderr.write(`${err.red('wrong')}  ${fault}\n`);
  for (const hint of unreadVariables(process.env)) process.stderr.write(`${err.yellow('note')}   ${hint}\n`);
  if (faults.length > 0) process.exitCode = EXIT.failed;
  else if (options.check === true && options.json !== true)
    process.stderr.write('Nothing is wrong with these settings.\n');
}

/** Its content, because a path says nothing of what is allowed. */
function ownerLines(inForce: PolicyInForce | undefined): string {
  if (inForce === undefined || inForce.policy === null) return '';
  const from = out.dim(inForce.from ?? '');
  const policy = `policy of the node  ${JSON.stringify(inForce.policy)}  ${from}\n`;
  if (inForce.preferences === null) return policy;
  const { policy: _shownAbove, ...preferences } = inForce.preferences;
  return `${policy}preferences of its owner  ${JSON.stringify(preferences)}  ${from}\n`;
}

function tableOf({ file }: LoadedSettings, settings: ShownSetting[]): string {
  const width = Math.max(...settings.map(({ setting }) => setting.length));
  const rows = settings.map(({ setting, value, origin, place }) => {
    const shown = value === null ? out.dim('–') : String(JSON.stringify(value));
    return `${setting.padEnd(width)}  ${shown}  ${out.dim(place === null ? origin : `${origin}: ${place}`)}`;
  });
  return `${[out.dim(`file: ${file?.path ?? 'none'}`), ...rows].join('\n')}\n`;
}
