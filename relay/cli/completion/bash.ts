import type { Flag, Place, Taken } from './places.ts';

/**
 * A script for bash that completes `program` by Tab, as of version 3.2, which macOS has; and for zsh, which reads it by its
 * `bashcompinit`. It stands alone: nothing is started while somebody types.
 */
export function bashScript(program: string, places: readonly Place[], shell = 'bash'): string {
  const name = `_${program}`;
  return `# Completion of ${program} by Tab. Made by: ${program} completion ${shell}
${name}_at() {
  parts= flags= files= folders= choices= others= operand= words=
  case $1 in
${places.map(caseOf).join('\n')}
  esac
}

${name}() {
  local IFS=$' \\t\\n' at=${program} i choice offered parts flags files folders choices others operand words
  local cur=\${COMP_WORDS[COMP_CWORD]} flag=\${COMP_WORDS[COMP_CWORD-1]}
  # In --flag=value the sign is a word of its own.
  if [ "$cur" = "=" ]; then cur=
  elif [ "$flag" = "=" ]; then flag=\${COMP_WORDS[COMP_CWORD-2]}; fi
  ${name}_at "$at"
  for ((i = 1; i < COMP_CWORD; i++)); do
    case " $parts " in *" \${COMP_WORDS[i]} "*) at="$at \${COMP_WORDS[i]}"; ${name}_at "$at" ;; esac
  done
  offered= COMPREPLY=()
  case "$cur" in -*) offered=$flags flag= operand= ;; esac
  case " $others " in *" $flag "*) operand= parts= words= ;; esac
  case " $files " in *" $flag "*) operand=file parts= words= ;; esac
  case " $folders " in *" $flag "*) operand=folder parts= words= ;; esac
  for choice in $(echo $choices); do
    case $choice in "$flag="*) offered="$offered \${choice#*=}" parts= words= operand= ;; esac
  done
  COMPREPLY=($(compgen -W "\${offered:-$parts $words}" -- "$cur"))
  # Left to the shell where it finds nothing here, as of a name with a space that is typed with a backslash.
  [ -n "$operand" ] || { compopt +o default 2>/dev/null; return 0; }
  compopt -o filenames 2>/dev/null
  IFS=$'\\n'
  case $operand in
    file) COMPREPLY+=($(compgen -f -- "$cur")) ;;
    folder) COMPREPLY+=($(compgen -d -- "$cur")) ;;
  esac
}

complete -o default -F ${name} ${program}
`;
}

/** The same for zsh. */
export function zshScript(program: string, places: readonly Place[]): string {
  // Once is enough, and takes a while: most who complete anything have done it before.
  const start = `(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
autoload -Uz bashcompinit && bashcompinit`;
  return `${start}\n${bashScript(program, places, 'zsh')}`;
}

/** What is known at one place. Nothing of it has a character that a shell reads as anything but itself. */
function caseOf({ words, parts, flags, taken }: Place): string {
  const valued = (kind: Taken['kind']): string => namesOf(flags.filter((flag) => flag.taken.kind === kind)).join(' ');
  const choices = flags.flatMap(({ names, taken: of }) =>
    of.kind === 'words' ? names.flatMap((name) => of.words.map((word) => `${name}=${word}`)) : [],
  );
  const facts = {
    parts: parts.map(({ name }) => name).join(' '),
    flags: namesOf(flags).join(' '),
    files: valued('file'),
    folders: valued('folder'),
    others: valued('anything'),
    choices: choices.join(' '),
    operand: taken.kind === 'file' || taken.kind === 'folder' ? taken.kind : '',
    words: taken.kind === 'words' ? taken.words.join(' ') : '',
  };
  const told = Object.entries(facts).filter(([, value]) => value !== '');
  return `    '${words}') ${told.map(([name, value]) => `${name}='${value}'`).join(' ')} ;;`;
}

function namesOf(flags: readonly Flag[]): string[] {
  return flags.flatMap(({ names }) => names);
}
