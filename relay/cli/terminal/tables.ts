import { printable, printableText } from './printable.ts';
import { out } from './style.ts';

const LEAST_COLUMNS = 8;

/** A result for people: its text, where it has one. */
export function resultText(result: unknown): string {
  const text = typeof result === 'object' && result !== null && 'text' in result ? result.text : undefined;
  return printableText(typeof text === 'string' ? text : JSON.stringify(result));
}

/** Columns as wide as their widest cell, but for the last, which is cut where the terminal ends; a pipe or a file has it whole. */
export function tableOf(head: readonly string[], rows: readonly string[][], columns = terminalColumns()): string {
  const shown = rows.map((row) => row.map(printable));
  const widths = head.map((title, column) => Math.max(title.length, ...shown.map((row) => row[column]?.length ?? 0)));
  const left = widths.slice(0, -1).reduce((sum, width) => sum + width + 2, 0);
  const line = (cells: readonly string[]): string => {
    const last = cut(cells.at(-1) ?? '', Math.max(columns - left, LEAST_COLUMNS));
    return [...cells.slice(0, -1).map((cell, column) => cell.padEnd(widths[column] ?? 0)), last].join('  ').trimEnd();
  };
  return `${out.dim(line(head))}\n${shown.map((row) => line(row)).join('\n')}\n`;
}

function terminalColumns(): number {
  const { isTTY, columns } = process.stdout;
  return isTTY ? columns : Number.POSITIVE_INFINITY;
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
