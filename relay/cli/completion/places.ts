import type { Argument, Command, Option } from 'commander';

/** What is typed behind a flag, or as an argument: words that are known, a file, a folder, or anything. */
export type Taken = { kind: 'nothing' | 'anything' | 'file' | 'folder' } | { kind: 'words'; words: readonly string[] };
export type Part = { name: string; about: string };
export type Flag = { names: readonly string[]; about: string; taken: Taken };
/** A place in a line that is typed: the program itself, one of its commands, or a part of one. */
export type Place = { words: string; parts: readonly Part[]; flags: readonly Flag[]; taken: Taken };

const FOLDERS = new Set(['dir']);
const FILES = new Set(['file', 'path', 'place', 'snapshot']);

/** Every place of a program whose commands have all been loaded. */
export function placesOf(command: Command, words = command.name()): Place[] {
  const help = command.createHelp();
  const parts = help.visibleCommands(command);
  const place: Place = {
    words,
    parts: parts.map((part) => ({ name: part.name(), about: part.description() })),
    flags: help.visibleOptions(command).map(flagOf),
    taken: mostTelling(command.registeredArguments.map(argumentOf)),
  };
  const inner = parts.filter((part) => command.commands.includes(part));
  return [place, ...inner.flatMap((part) => placesOf(part, `${words} ${part.name()}`))];
}

function flagOf(option: Option): Flag {
  const [placeholder] = /<.*>/.exec(option.flags) ?? [];
  return {
    names: [option.short, option.long].filter((name) => name !== undefined),
    about: aboutOf(option.description),
    taken: placeholder === undefined ? { kind: 'nothing' } : takenOf(placeholder, option.argChoices),
  };
}

/** Where a value comes from otherwise is for the help. */
function aboutOf(description: string): string {
  return description.split(' (default:', 1)[0] ?? '';
}

function argumentOf(argument: Argument): Taken {
  return takenOf(argument.name(), argument.argChoices);
}

function takenOf(placeholder: string, choices: readonly string[] | undefined): Taken {
  if (choices !== undefined) return { kind: 'words', words: choices };
  const name = placeholder.replaceAll(/[<>.]/g, '');
  if (FILES.has(name)) return { kind: 'file' };
  return { kind: FOLDERS.has(name) ? 'folder' : 'anything' };
}

/** Of several arguments in a row, the one that anything can be offered for. */
function mostTelling(taken: readonly Taken[]): Taken {
  return taken.find(({ kind }) => kind !== 'anything') ?? taken[0] ?? { kind: 'nothing' };
}
