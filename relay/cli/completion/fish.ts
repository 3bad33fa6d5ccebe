import type { Flag, Place, Taken } from './places.ts';

/** A script for fish that completes `program` by Tab, each word with what it is for. It stands alone. */
export function fishScript(program: string, places: readonly Place[]): string {
  const at = `__${program}_at`;
  return `# Completion of ${program} by Tab. Made by: ${program} completion fish
function ${at}
  set -l at ${program}
  for word in (commandline -opc)[2..-1]
    contains -- "$at $word" ${places
      .slice(1)
      .map(({ words }) => quoted(words))
      .join(' ')}; and set at "$at $word"
  end
  test "$at" = "$argv"
end

complete -c ${program} -f
${places.flatMap((place) => linesOf(program, `${at} ${place.words}`, place)).join('\n')}
`;
}

function linesOf(program: string, condition: string, { parts, flags, taken }: Place): string[] {
  const start = `complete -c ${program} -n ${quoted(condition)}`;
  return [
    ...parts.map(({ name, about }) => `${start} -a ${quoted(name)} -d ${quoted(about)}`),
    ...(taken.kind === 'nothing' || taken.kind === 'anything' ? [] : [`${start}${offered(taken)}`]),
    ...flags.map((flag) => `${start}${namesOf(flag)}${behind(flag.taken)} -d ${quoted(flag.about)}`),
  ];
}

function namesOf({ names }: Flag): string {
  return names.map((name) => (name.startsWith('--') ? ` -l ${name.slice(2)}` : ` -s ${name.slice(1)}`)).join('');
}

function behind(taken: Taken): string {
  return taken.kind === 'nothing' ? '' : ` -x${offered(taken)}`;
}

function offered(taken: Taken): string {
  if (taken.kind === 'words') return ` -a ${quoted(taken.words.join(' '))}`;
  if (taken.kind === 'file') return " -a '(__fish_complete_path (commandline -ct))'";
  return taken.kind === 'folder' ? " -a '(__fish_complete_directories (commandline -ct))'" : '';
}

function quoted(text: string): string {
  return `'${text.replaceAll(/['\\]/g, '\\$&')}'`;
}
