import { type Command, Option } from 'commander';
import { addClientOptions } from './client-options.ts';
import type { SettingOptions } from './setting-options.ts';

export type JsonOption = SettingOptions & { json?: boolean };

/** A command that asks a relay and prints its answer, as text or as JSON; `own` are its settings. */
export function clientCommand(
  parent: Command,
  name: string,
  description: string,
  own: Parameters<typeof addClientOptions>[1] = ['api_key'],
): Command {
  return addClientOptions(parent.command(name), own)
    .description(description)
    .addOption(new Option('--json', 'print the answer of the relay as JSON'));
}

/** The same for what only the operator may. */
export function operatorCommand(parent: Command, name: string, description: string): Command {
  return clientCommand(parent, name, description, ['admin_token']);
}

/** Prints an answer: as JSON where that was asked for, else as the text, which ends its last line. */
export function print({ json }: { json?: boolean }, answer: unknown, text: string): void {
  process.stdout.write(json === true ? `${JSON.stringify(answer)}\n` : text);
}
