import { Problem } from '../../../shared/problems/problem.ts';

/** What a query names of a list, with commas between, in the order of the list. Errors: `invalid_value`. */
export function readChoices<Choice extends string>(param: string, text: string, choices: readonly Choice[]): Choice[] {
  const wanted = text.split(',').map((part) => part.trim());
  const unknown = wanted.find((part) => !choices.some((choice) => choice === part));
  if (unknown === undefined) return choices.filter((choice) => wanted.includes(choice));
  throw new Problem('invalid_value', `${param} takes ${choices.join(', ')}, and not "${unknown.slice(0, 40)}".`, {
    param,
  });
}
