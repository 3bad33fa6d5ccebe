import assert from 'node:assert/strict';
import type { Job, JobEvent, JobRequest } from '../../shared/api/jobs.ts';
import type { Pool } from './pool.ts';
import { until } from './until.ts';

export const LLM = 'llm/inference';
const ENDS = ['succeeded', 'failed', 'cancelled', 'expired'];

/** A relay, here or in another process, and who asks it. */
export type JobClient = {
  request(path: string, init?: RequestInit): Promise<Response>;
};

/** Asks with the pool's key, or with another. */
export function jobClient(pool: Pool, key?: string): JobClient {
  if (key === undefined) return pool;
  return {
    request: (path, init = {}) =>
      pool.request(path, { ...init, headers: { ...(init.headers as object), authorization: `Bearer ${key}` } }),
  };
}

export function postJob(client: JobClient, body: JobRequest, headers: Record<string, string> = {}): Promise<Response> {
  return client.request('/v1/jobs', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

export async function submit(client: JobClient, body: Partial<JobRequest> = {}): Promise<Job> {
  const response = await postJob(client, { service: LLM, model: 'test/echo', input: 'hello there', ...body });
  const job = (await response.json()) as Job;
  assert.equal(response.status, 202, JSON.stringify(job));
  return job;
}

export async function jobOf(client: JobClient, id: string): Promise<Job> {
  return (await (await client.request(`/v1/jobs/${id}`)).json()) as Job;
}

/** The job once it has ended. */
export async function endOf(client: JobClient, id: string): Promise<Job> {
  let job = await jobOf(client, id);
  await until(async () => {
    job = await jobOf(client, id);
    return ENDS.includes(job.state);
  }, 30_000);
  return job;
}

export async function resultOf(client: JobClient, id: string): Promise<Response> {
  return client.request(`/v1/jobs/${id}/result`);
}

/** All events of a stream that ends, and its comments. */
export async function eventsOf(
  client: JobClient,
  id: string,
  lastEventId?: string,
): Promise<{ status: number; ids: string[]; events: JobEvent[]; comments: string[] }> {
  const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
  const response = await client.request(`/v1/jobs/${id}/events`, { headers });
  const blocks = (await response.text()).split('\n\n').filter((block) => block !== '');
  const events = blocks.filter((block) => block.startsWith('id: '));
  return {
    status: response.status,
    ids: events.map((block) => /^id: (\d+)\nevent: state\n/.exec(block)?.[1] ?? block),
    events: events.map((block) => JSON.parse(block.split('\ndata: ')[1] ?? '') as JobEvent),
    comments: blocks.filter((block) => block.startsWith(': ')),
  };
}
