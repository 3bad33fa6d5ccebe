import { type Command, Option } from 'commander';
import type { Job, JobPage, JobRequest, JobResult, JobState } from '../../../shared/api/jobs.ts';
import { JOB_STATES } from '../../jobs/queue/job-state.ts';
import { deleteJson, getJson, postJson } from '../client/get-json.ts';
import { lookUntil } from '../client/look-until.ts';
import { clientCommand, type JsonOption, print } from '../options/answering-command.ts';
import { readClient, readEither, readOperator } from '../options/client-options.ts';
import { inputOf } from '../options/input-of.ts';
import {
  addStates,
  anyKeyOption,
  everyKeyOption,
  parseCount,
  parseLongSeconds,
  parsePriority,
} from '../options/options.ts';
import { jobsTable, jobText } from '../terminal/job-views.ts';
import { sayWaits, suggest } from '../terminal/next-step.ts';

type ListOptions = JsonOption & { limit: number; all?: boolean; state?: JobState[] };
type SubmitOptions = JsonOption & {
  model?: string;
  priority?: number;
  deadline?: number;
  maxAttempts?: number;
  maxWait?: number;
  idempotencyKey?: string;
  wait?: boolean;
};
type CancelOptions = JsonOption & { forget?: boolean; anyKey?: boolean };
type RefuseOptions = JsonOption & { reason?: string };

const ENDS: readonly Job['state'][] = ['succeeded', 'failed', 'cancelled', 'expired'];
const PAGE = 1_000;
/** How long a job that is waited for is left alone between two looks. */
const LOOK_EVERY_MS = 500;

/** `sparewatt jobs …`: work that the relay does later, whatever happens to it meanwhile. */
export function defineJobsCommand(jobs: Command): void {
  addSubmit(jobs);
  addViews(jobs);
  addApprovals(jobs);
}

function addSubmit(jobs: Command): void {
  clientCommand(jobs, 'submit', 'have a job done later; prints its id')
    .argument('<service>', 'such as llm/inference or embed/text')
    .argument('<input>', 'a prompt, a text to embed, or the input as JSON')
    .addOption(new Option('--model <id>', 'model (default: one that a node serves)'))
    .addOption(new Option('--priority <number>', 'higher goes first among your jobs').argParser(parsePriority))
    .addOption(new Option('--deadline <seconds>', 'give it up when so much has passed').argParser(parseLongSeconds))
    .addOption(new Option('--max-attempts <count>', 'on how many nodes it is tried').argParser(parseCount))
    .addOption(new Option('--max-wait <seconds>', 'how long it may wait for a node').argParser(parseLongSeconds))
    .addOption(new Option('--idempotency-key <key>', 'with the same key again, you get the same job'))
    .addOption(new Option('--wait', 'wait until it has ended and print its result'))
    .action(async (service: string, input: string, options: SubmitOptions) => {
      const { relayUrl, apiKey } = await readClient(options);
      const { idempotencyKey, wait } = options;
      const headers = idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey };
      const body = requestOf(service, input, options, Date.now());
      const job = await postJson<Job>(relayUrl, '/v1/jobs', apiKey, body, headers);
      if (wait === true) await show(await whenEnded(job, relayUrl, apiKey), options, relayUrl, apiKey);
      else {
        print(options, job, `${job.id}\n`);
        if (job.state === 'awaiting_approval')
          suggest(options, 'A person must approve it first:', `jobs approve ${job.id}`);
        else suggest(options, 'What becomes of it:', `jobs show ${job.id}`);
      }
    });
}

function addViews(jobs: Command): void {
  clientCommand(jobs, 'list', 'your jobs, newest first', ['api_key', 'admin_token'])
    .addOption(new Option('--limit <count>', 'how many').argParser(parseCount).default(20))
    .addOption(everyKeyOption())
    .addOption(
      new Option('--state <state>', 'only those, such as running or failed,expired; may be repeated')
        .choices(JOB_STATES)
        .argParser(addStates),
    )
    .action(async ({ limit, all, state, ...options }: ListOptions) => {
      const { relayUrl, key } = await readEither(options, all === true);
      const data: JobPage['data'] = [];
      for (let after: string | null = ''; after !== null && data.length < limit; ) {
        const query = new URLSearchParams({ limit: String(Math.min(PAGE, limit - data.length)) });
        if (after !== '') query.set('after', after);
        if (state !== undefined) query.set('state', state.join());
        const page: JobPage = await getJson(relayUrl, `/v1/jobs?${query}`, key);
        data.push(...page.data);
        after = page.next;
      }
      print(options, data, jobsTable(data, Date.now(), state));
    });
  clientCommand(jobs, 'show', 'a job, its attempts and its result')
    .argument('<job-id>')
    .action(async (id: string, options: JsonOption) => {
      const { relayUrl, apiKey } = await readClient(options);
      await show(await getJson<Job>(relayUrl, pathOf(id), apiKey), options, relayUrl, apiKey);
    });
  clientCommand(jobs, 'cancel', 'end a job', ['api_key', 'admin_token'])
    .argument('<job-id>')
    .addOption(anyKeyOption())
    .addOption(new Option('--forget', 'and forget its result, if it has one'))
    .action(async (id: string, { forget, anyKey, ...options }: CancelOptions) => {
      const { relayUrl, key } = await readEither(options, anyKey === true);
      const job =
        forget === true
          ? await deleteJson<Job>(relayUrl, pathOf(id), key)
          : await postJson<Job>(relayUrl, `${pathOf(id)}/cancel`, key, undefined);
      print(options, job, `${endText(job)}${forget === true ? ' Its result is forgotten.' : ''}\n`);
      if (anyKey === true) suggest(options, 'All jobs:', 'jobs list --all');
      else suggest(options, 'Your other jobs:', 'jobs list');
    });
}

function addApprovals(jobs: Command): void {
  clientCommand(jobs, 'approve', 'let a job run, where the relay is supervised', ['admin_token'])
    .argument('<job-id>')
    .action((id: string, options: JsonOption) => decide(id, 'approve', undefined, options));
  clientCommand(jobs, 'refuse', 'refuse a job that waits for you', ['admin_token'])
    .argument('<job-id>')
    .addOption(new Option('--reason <text>', 'told to whoever asked'))
    .action((id: string, { reason, ...options }: RefuseOptions) =>
      decide(id, 'refuse', reason === undefined ? {} : { reason }, options),
    );
}

async function decide(id: string, action: string, body: unknown, options: JsonOption): Promise<void> {
  const { relayUrl, adminToken } = await readOperator(options);
  const path = `/v1/admin/jobs/${encodeURIComponent(id)}/${action}`;
  const job = await postJson<Job>(relayUrl, path, adminToken, body);
  const sentence = action === 'approve' ? `${job.id} is approved and ${job.state}.` : `${job.id} was refused.`;
  print(options, job, `${sentence}\n`);
  if (action === 'approve') suggest(options, 'What becomes of it:', `jobs show ${id}`);
  else suggest(options, 'All jobs:', 'jobs list --all');
}

function endText({ id, state }: Job): string {
  return state === 'cancelled' ? `${id} has been cancelled.` : `${id} has ${state} already: there was nothing to end.`;
}

function requestOf(service: string, input: string, options: SubmitOptions, now: number): JobRequest {
  const { model, priority, deadline, maxAttempts, maxWait } = options;
  return {
    service,
    input: inputOf(input),
    ...(model === undefined ? {} : { model }),
    ...(priority === undefined ? {} : { priority }),
    ...(deadline === undefined ? {} : { deadline: now + Math.round(deadline * 1_000) }),
    ...(maxAttempts === undefined ? {} : { max_attempts: maxAttempts }),
    ...(maxWait === undefined ? {} : { max_wait_ms: Math.round(maxWait * 1_000) }),
  };
}

/** Prints a job, with its result where it is kept. Scripts look at the exit code. */
async function show(job: Job, options: JsonOption, relayUrl: string, apiKey: string): Promise<void> {
  const answer = job.queue?.resultKept
    ? await getJson<JobResult>(relayUrl, `${pathOf(job.id)}/result`, apiKey)
    : undefined;
  print(options, answer === undefined ? job : { ...job, result: answer.result }, jobText(job, answer?.result));
  if (ENDS.includes(job.state) && job.state !== 'succeeded') process.exitCode = 1;
}

function whenEnded({ id }: Job, relayUrl: string, apiKey: string): Promise<Job> {
  const look = (): Promise<Job> => getJson(relayUrl, pathOf(id), apiKey);
  return lookUntil(look, ({ state }) => ENDS.includes(state), { everyMs: LOOK_EVERY_MS, onAway: sayWaits });
}

function pathOf(id: string): string {
  return `/v1/jobs/${encodeURIComponent(id)}`;
}
