import type { Problem } from '../../../shared/problems/problem.ts';
import type { SettingOptions } from '../options/setting-options.ts';
import { COMMAND } from '../own-command.ts';
import { printableText } from './printable.ts';
import { err } from './style.ts';

/** What was said on this command line alone must be said on the next one too; keys are left to whoever has them. */
const REPEATED = ['data', 'relay', 'config'] as const;

/** What a person may want to do next, with the command for it: on stderr, and nothing where JSON was asked for. */
export function suggest(options: SettingOptions & { json?: boolean }, what: string, command: string): void {
  if (options.json === true) return;
  process.stderr.write(`${err.dim(`${what}  ${nextCommand(options, command)}`)}\n`);
}

/** That who waits goes on waiting, and what for, which may be a relay's own words. */
export function sayWaits({ message }: Problem): void {
  process.stderr.write(`${err.dim(`${printableText(message)} Waiting for it.`)}\n`);
}

/** A command of this program as this person would type it after the one they have typed. */
export function nextCommand(options: SettingOptions, command: string): string {
  const flags = REPEATED.flatMap((name) => {
    const value = options[name];
    return typeof value === 'string' ? [` --${name} ${quoted(value)}`] : [];
  });
  return `${COMMAND} ${command}${flags.join('')}`;
}

/** One word for a shell, whatever is in it. */
export function quoted(value: string): string {
  return /^[\w./:@%+=,-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}
