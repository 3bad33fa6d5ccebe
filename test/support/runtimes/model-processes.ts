import { commandOf, descendantsOf } from '../processes.ts';

/** The process that holds a model for this one, or another; undefined where there is none. */
export function processOfModel(model: string, of: number = process.pid): number | undefined {
  return withKeeper(model, of).find((pid) => !isShell(pid));
}

/** The same with the shell that sees to its end. */
export function withKeeper(model: string, of: number = process.pid): number[] {
  return descendantsOf(of).filter((pid) => nameOf(pid).endsWith(` ${model}`));
}

function isShell(pid: number): boolean {
  return nameOf(pid).startsWith('/bin/sh ');
}

/** Empty for one that has just ended. */
function nameOf(pid: number): string {
  try {
    return commandOf(pid).trim();
  } catch {
    return '';
  }
}
