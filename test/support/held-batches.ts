import type OpenAI from 'openai';
import { type Batch, type BatchRow, bodyOf, endOfBatch, lineOf, rowsOf } from './batches.ts';
import { pretendedModel } from './models/pretended-model.ts';
import type { Pool } from './pool.ts';
import { askAsAdmin } from './pool-admin.ts';
import { type ControlledRun, type ControlledRuntime, createControlledRuntime } from './runtimes/controlled-runtime.ts';
import { untilCancelled } from './runtimes/scripted-runtime.ts';

/** Lines for a model that the test is. */
export const held = (count: number): string[] =>
  Array.from({ length: count }, (_, at) =>
    lineOf(`line ${at}`, { model: 'test/held', messages: [{ role: 'user', content: `${at}` }] }),
  );

/** Ids of such lines. */
export const names = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, at) => `line ${from + at}`);

export async function addHeldNode(pool: Pool, slots = 2): Promise<ControlledRuntime> {
  const runtime = heldRuntime();
  await pool.addNode({ name: 'held', slots, runtime });
  return runtime;
}

/** What nobody finishes ends when it is cancelled. */
export function heldRuntime(): ControlledRuntime {
  const runtime = createControlledRuntime([pretendedModel('test/held')]);
  const run: ControlledRuntime['run'] = (job, output, signal) =>
    Promise.race([runtime.run(job, output, signal), untilCancelled(signal)]);
  return { ...runtime, run };
}

/** The line that is answered: of those that a node runs side by side, each may come first. */
export function finish({ job, output, finish: end }: ControlledRun): string {
  output.text('said', 1);
  end();
  return job.type === 'llm' ? `line ${job.input.messages[0]?.content}` : 'no line';
}

/** Finishes whatever comes. */
export function finishAll(runtime: ControlledRuntime): void {
  void (async () => {
    while (true) finish(await runtime.runs.next());
  })();
}

export const codesOf = (rows: readonly BatchRow[]): string[] =>
  rows.map((row) => row.error?.code ?? bodyOf(row).error.code);

/** A batch that has ended, with the rows of its files. */
export async function wholeEnd(client: OpenAI, { id }: Batch) {
  const batch = await endOfBatch(client, id);
  return { batch, ...(await rowsOf(client, batch)) };
}

export async function jobsOf(pool: Pool): Promise<{ id: string; state: string }[]> {
  return ((await (await pool.request('/v1/jobs')).json()) as { data: { id: string; state: string }[] }).data;
}

/** Jobs that have not ended. */
export async function queueLength(pool: Pool): Promise<number> {
  const { body } = await askAsAdmin<{ data: { state: string }[] }>(
    pool,
    '/v1/admin/jobs?state=queued,assigned,running',
  );
  return body.data.length;
}
