import { Problem } from '../../../shared/problems/problem.ts';

/** A member that items of some types have to have. Errors: `missing_required_parameter`. */
export function needed<Item extends object, Name extends keyof Item & string>(
  item: Item,
  name: Name,
  place: string,
): NonNullable<Item[Name]> {
  const value = item[name];
  if (value !== undefined && value !== null) return value;
  const param = `${place}.${name}`;
  throw new Problem('missing_required_parameter', `Missing required parameter: '${param}'.`, { param });
}
