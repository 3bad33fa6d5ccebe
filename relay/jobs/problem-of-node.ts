import { fromProblemRecord, Problem } from '../../shared/problems/problem.ts';
import type { ProblemRecord } from '../../shared/problems/problem-record.ts';
import { PROBLEMS, type ProblemCode } from '../../shared/problems/table.ts';

/** What a node passes on that the relay has told it of files, and what it knows of its own time and version. */
const ALSO_ITS_OWN: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  'job_timeout',
  'service_not_runnable',
  'file_quota_exceeded',
  'file_storage_full',
]);
/** Of requests that the client got wrong, those that are wrong by what the relay alone keeps: keys, credits, rates and cancels. */
const OF_THE_RELAY: ReadonlySet<number> = new Set([401, 402, 403, 429, 499]);

/** What a node says of its end of a job: of keys, credits and the relay itself it knows nothing, whatever it says (SPEC R7). */
export function problemOfNode(record: ProblemRecord): Problem {
  const problem = fromProblemRecord(record);
  return isItsToSay(problem) ? problem : new Problem('node_fault', problem.message);
}

function isItsToSay({ code }: Problem): boolean {
  const { status, retry } = PROBLEMS[code];
  if (retry === 'elsewhere' || ALSO_ITS_OWN.has(code)) return true;
  return retry === 'never' && status < 500 && !OF_THE_RELAY.has(status);
}
