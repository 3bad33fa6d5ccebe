import { type Command, Option } from 'commander';
import { exampleFile } from '../../config/example-file.ts';
import type { LoadedSettings } from '../../config/load-settings.ts';
import { SECTION_NAMES, type SectionName } from '../../config/sections.ts';
import { type ShownSetting, showSettings } from '../../config/shown-settings.ts';
import { unreadVariables } from '../../config/unread-variables.ts';
import { EXIT } from '../exit-codes.ts';
import { addSettingOptions, loadFromOptions, type SettingOptions } from '../setting-options.ts';
import { err, out } from '../style.ts';
import { AGENT_SECTIONS } from './agent.ts';
import { RELAY_SECTIONS } from './relay.ts';

type ConfigCommandOptions = SettingOptions & { json?: boolean; check?: boolean; example?: boolean };

/** `sparewatt config`, and `sparewatt config relay …` for what `sparewatt relay …` would run with. */
export function addConfigCommand(program: Command): void {
  const config = program.command('config').description('show every setting and where its value came from');
  addAction(config, SECTION_NAMES, ['program']);
  config.addOption(new Option('--example', 'print a configuration file in which everything is explained'));
  for (const [name, sections] of [
    ['relay', RELAY_SECTIONS],
    ['agent', AGENT_SECTIONS],
  ] as const) {
    addAction(config.command(name), sections, sections).description(`what "sparewatt ${name}" would run with`);
  }
}

function addAction(command: Command, sections: readonly SectionName[], flags: readonly SectionName[]): Command {
  return (
    addSettingOptions(command, flags)
      .addOption(new Option('--json', 'print one JSON object with file, settings and faults'))
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
  if (options.json === true) {
    const { faults } = loaded;
    process.stdout.write(`${JSON.stringify({ file: loaded.file?.path ?? null, settings, faults })}\n`);
  } else if (options.check !== true) {
    process.stdout.write(tableOf(loaded, settings));
  }
  for (const fault of loaded.faults) process.stderr.write(`${err.red('wrong')}  ${fault}\n`);
  for (const hint of unreadVariables(process.env)) process.stderr.write(`${err.yellow('note')}   ${hint}\n`);
  if (loaded.faults.length > 0) process.exitCode = EXIT.failed;
}

function tableOf({ file }: LoadedSettings, settings: ShownSetting[]): string {
  const width = Math.max(...settings.map(({ setting }) => setting.length));
  const rows = settings.map(({ setting, value, origin, place }) => {
    const shown = value === null ? out.dim('–') : String(JSON.stringify(value));
    return `${setting.padEnd(width)}  ${shown}  ${out.dim(place === null ? origin : `${origin}: ${place}`)}`;
  });
  return `${[out.dim(`file: ${file?.path ?? 'none'}`), ...rows].join('\n')}\n`;
}
