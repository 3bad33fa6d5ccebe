import { Argument, Command } from 'commander';
import { VERSION } from '../../version.ts';
import { bashScript, zshScript } from '../completion/bash.ts';
import { fishScript } from '../completion/fish.ts';
import { placesOf } from '../completion/places.ts';
import { COMMANDS } from './all.ts';

const PROGRAM = 'sparewatt';
const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;
type Shell = keyof typeof SCRIPTS;

const HOW_TO_USE = `
Once, in a file that your shell reads when it starts:
  bash  ${PROGRAM} completion bash > ~/.${PROGRAM}-completion.bash
        echo '. ~/.${PROGRAM}-completion.bash' >> ~/.bashrc
  zsh   ${PROGRAM} completion zsh > ~/.${PROGRAM}-completion.zsh
        echo '. ~/.${PROGRAM}-completion.zsh' >> ~/.zshrc
  fish  ${PROGRAM} completion fish > ~/.config/fish/completions/${PROGRAM}.fish
It completes the word ${PROGRAM}: "npm link" puts that on your PATH.`;

/** `sparewatt completion`. */
export function defineCompletionCommand(command: Command): void {
  command
    .addArgument(new Argument('<shell>', 'whose Tab').choices(Object.keys(SCRIPTS)))
    .addHelpText('after', HOW_TO_USE)
    .action(async (shell: Shell) => {
      process.stdout.write(SCRIPTS[shell](PROGRAM, placesOf(await wholeProgram())));
    });
}

/** With every command loaded, which no other use of it needs. */
async function wholeProgram(): Promise<Command> {
  const program = new Command(PROGRAM).version(VERSION);
  for (const [name, description, load] of COMMANDS) (await load())(program.command(name).description(description));
  return program;
}
