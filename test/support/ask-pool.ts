import type { ErrorBody } from '../../shared/problems/http.ts';
import type { Pool } from './pool.ts';
import { until } from './until.ts';

const JSON_BODY = { 'content-type': 'application/json' };

type ChatAnswer = { choices: { message: { content: string } }[] };

/** What a client gets for one chat call that is not streamed. */
export type Asked = { status: number; node: string | null; jobId: string; content: string | undefined; code: string };

export async function askChat(pool: Pick<Pool, 'request'>, model: string, init: RequestInit = {}): Promise<Asked> {
  const response = await pool.request('/v1/chat/completions', { ...chatCall(model, false), ...init });
  const body = (await response.json()) as Partial<ChatAnswer & ErrorBody>;
  return {
    status: response.status,
    node: response.headers.get('x-sparewatt-node'),
    jobId: response.headers.get('x-sparewatt-job') ?? '',
    content: body.choices?.[0]?.message.content,
    code: body.error?.code ?? '',
  };
}

/** As `askChat`, from the moment in which the relay has heard of a node that is about to serve: until then it refuses. */
export async function askChatOnceServed(pool: Pick<Pool, 'request'>, model: string): Promise<Asked> {
  let answer: Asked | undefined;
  await until(async () => {
    answer = await askChat(pool, model);
    return answer.status === 200;
  });
  return answer as Asked;
}

/** What a client gets for one embeddings call. */
export async function askVectors(
  pool: Pool,
  model: string,
  input: string[],
): Promise<{ status: number; jobId: string; vectors: number[][] | undefined }> {
  const body = JSON.stringify({ model, input });
  const response = await pool.request('/v1/embeddings', { method: 'POST', headers: JSON_BODY, body });
  const { data } = (await response.json()) as { data?: { embedding: number[] }[] };
  return {
    status: response.status,
    jobId: response.headers.get('x-sparewatt-job') ?? '',
    vectors: data?.map(({ embedding }) => embedding),
  };
}

/** What a client gets for one streamed chat call: its text, and how the stream ended. */
export type Streamed = { status: number; text: string; end: string };

export async function streamChat(
  pool: Pick<Pool, 'request'>,
  model: string,
  init: RequestInit = {},
  /** Called when the answer begins, which it does with its first piece. */
  onBegin: () => void = () => undefined,
): Promise<Streamed> {
  const response = await pool.request('/v1/chat/completions', { ...chatCall(model, true), ...init });
  onBegin();
  return readStream(response.status, await response.text());
}

export function chatCall(model: string, stream: boolean): RequestInit {
  return {
    method: 'POST',
    headers: JSON_BODY,
    body: JSON.stringify({ model, stream, messages: [{ role: 'user', content: 'say something' }] }),
  };
}

/** `end` is the code of an error, `[DONE]`, or `silence` when the stream just stopped. */
export function readStream(status: number, body: string): Streamed {
  if (status !== 200) return { status, text: '', end: (JSON.parse(body) as ErrorBody).error.code };
  let text = '';
  let end = 'silence';
  for (const line of body.split('\n')) {
    if (!line.startsWith('data: ')) continue;
    const data = line.slice('data: '.length);
    if (data === '[DONE]') end = data;
    else {
      const event = JSON.parse(data) as { choices?: { delta: { content?: string } }[]; error?: { code: string } };
      if (event.error !== undefined) end = event.error.code;
      text += event.choices?.[0]?.delta.content ?? '';
    }
  }
  return { status, text, end };
}

export type JobRecord = {
  state: string;
  attempts: { state: string; nodeId: string; problem: { code: string; detail: string } | null }[];
};

/** What the relay wrote down about a job that has ended. */
export async function recordOf(pool: Pool, jobId: string): Promise<JobRecord> {
  return (await (await pool.request(`/v1/jobs/${jobId}`)).json()) as JobRecord;
}

/** How many jobs run and wait now. */
export async function loadOf(pool: Pool): Promise<{ waiting: number; running: number }> {
  const { jobs } = (await (await pool.request('/v1/health')).json()) as { jobs: { waiting: number; running: number } };
  return jobs;
}
