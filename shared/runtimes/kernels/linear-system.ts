import type { JsonInput } from '../../protocol/messages.ts';
import type { Kernel } from './kernel.ts';
import { invalid } from './read-kernel-input.ts';

type Asked = { a: number[][]; b: number[] };

/** Solves A x = b in float64, by elimination with the largest pivot of each column. A GPU has no float64. */
export const linearSystem: Kernel = {
  async onCpu(input, turns) {
    const { a, b } = read(input);
    const rows = a.map((row, index) => Float64Array.from([...row, b[index] ?? 0]));
    for (let column = 0; column < rows.length; column += 1) {
      await turns.next();
      eliminate(rows, column);
    }
    const x = substitute(rows);
    return { x: [...x], residual: residualOf(a, b, x) };
  },
};

function eliminate(rows: Float64Array[], column: number): void {
  let pivot = column;
  for (let row = column + 1; row < rows.length; row += 1) {
    if (Math.abs(rows[row]?.[column] ?? 0) > Math.abs(rows[pivot]?.[column] ?? 0)) pivot = row;
  }
  const [top, other] = [rows[pivot], rows[column]];
  if (top === undefined || other === undefined || top[column] === 0) {
    throw invalid('The matrix is singular: no x is the only solution.', 'a');
  }
  rows[column] = top;
  rows[pivot] = other;
  for (let row = column + 1; row < rows.length; row += 1) {
    const below = rows[row] ?? top;
    const factor = (below[column] ?? 0) / (top[column] ?? 1);
    if (factor === 0) continue;
    for (let at = column; at < below.length; at += 1) below[at] = (below[at] ?? 0) - factor * (top[at] ?? 0);
  }
}

function substitute(rows: readonly Float64Array[]): Float64Array {
  const x = new Float64Array(rows.length);
  for (const [index, row] of [...rows.entries()].reverse()) {
    let sum = row[rows.length] ?? 0;
    for (let at = index + 1; at < rows.length; at += 1) sum -= (row[at] ?? 0) * (x[at] ?? 0);
    x[index] = sum / (row[index] ?? 1);
  }
  if (!x.every(Number.isFinite)) throw invalid('The numbers are too large or the matrix too near a singular one.', 'a');
  return x;
}

/** The largest difference between A x and b. */
function residualOf(a: readonly number[][], b: readonly number[], x: Float64Array): number {
  return a.reduce((worst, row, index) => {
    const sum = row.reduce((total, value, at) => total + value * (x[at] ?? 0), 0);
    return Math.max(worst, Math.abs(sum - (b[index] ?? 0)));
  }, 0);
}

function read(input: JsonInput): Asked {
  const { a, b } = input as Asked;
  if (a.some((row) => row.length !== a.length)) throw invalid('The matrix must be square.', 'a');
  if (b.length !== a.length) throw invalid('b must have as many numbers as the matrix has rows.', 'b');
  return { a, b };
}
