import type { ProblemRecord } from '../problems/problem-record.ts';

/** How a call is answered: Electron would give the page nothing of an error but a string that begins with its own words. */
export type IpcAnswer<Output> =
  | { readonly ok: true; readonly value: Output }
  | { readonly ok: false; readonly problem: ProblemRecord };

/** Takes an answer apart; throws an error that bears the problem's code and sentence. */
export function takeAnswer<Output>(answer: IpcAnswer<Output>): Output {
  if (answer.ok) return answer.value;
  const { code, detail, param } = answer.problem;
  throw Object.assign(new Error(detail), { name: 'IpcRefusal', code, param });
}
