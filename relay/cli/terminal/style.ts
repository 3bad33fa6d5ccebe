import { styleText } from 'node:util';

type Style = 'bold' | 'cyan' | 'dim' | 'green' | 'red' | 'yellow';

/** Styles text for a terminal, and leaves it plain for a pipe, a file and NO_COLOR. */
function forStream(stream: NodeJS.WriteStream): Record<Style, (text: string) => string> {
  const style = (name: Style) => (text: string) => styleText(name, text, { stream });
  return {
    bold: style('bold'),
    cyan: style('cyan'),
    dim: style('dim'),
    green: style('green'),
    red: style('red'),
    yellow: style('yellow'),
  };
}

export const out = forStream(process.stdout);
export const err = forStream(process.stderr);
