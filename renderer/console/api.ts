import type { ProblemCode } from '../../shared/problems/table.ts';
import type { Speech } from './speech.ts';

/** A refusal of the relay, with the sentence that it gave. */
export class RelayProblem extends Error {
  override readonly name = 'RelayProblem';
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, detail: string) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

/** The relay's API in the name of the session. Rejects with `RelayProblem`. */
export type Api = {
  get<Answer>(path: string): Promise<Answer>;
  post<Answer>(path: string, body?: unknown): Promise<Answer>;
  change<Answer>(path: string, body: unknown): Promise<Answer>;
  remove<Answer>(path: string): Promise<Answer>;
  /** Calls for the moment at which the relay knows the session no more. */
  onSignedOut(listener: () => void): () => void;
};

const SIGN_IN = '/v1/admin/session';

export function createApi(): Api {
  const listeners = new Set<() => void>();
  const ask = async <Answer>(method: string, path: string, body?: unknown): Promise<Answer> => {
    const response = await send(method, path, body);
    if (response.ok) return (await response.json()) as Answer;
    if (response.status === 401 && path !== SIGN_IN) for (const listener of listeners) listener();
    throw await problemOf(response);
  };
  return {
    get: (path) => ask('GET', path),
    post: (path, body) => ask('POST', path, body),
    change: (path, body) => ask('PATCH', path, body),
    remove: (path) => ask('DELETE', path),
    onSignedOut: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

async function send(method: string, path: string, body: unknown): Promise<Response> {
  const init =
    body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  return fetchFromRelay(path, { method, ...init });
}

/** Rejects with `relay_unreachable` when there is no answer, or the caller has given it up. */
export async function fetchFromRelay(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, init);
  } catch {
    throw new RelayProblem(0, 'relay_unreachable', 'The relay does not answer. Is it running?');
  }
}

/** Reads the problem out of a response that is no success. */
export async function problemOf(response: Response): Promise<RelayProblem> {
  const body = (await response.json().catch(() => null)) as { code?: string; detail?: string } | null;
  const detail = body?.detail ?? `The relay answered with status ${response.status}.`;
  return new RelayProblem(response.status, body?.code ?? 'unknown', detail);
}

/** What the page itself refuses, before the relay is asked. It is said anew in each language. */
export class OwnProblem extends Error {
  override readonly name = 'OwnProblem';
  readonly say: (speech: Speech) => string;
  readonly code: ProblemCode | undefined;

  constructor(say: (speech: Speech) => string, code?: ProblemCode) {
    super(code ?? 'refused by the page');
    this.say = say;
    this.code = code;
  }
}

/** What went wrong, as a sentence. */
export function sentenceOf(error: unknown, speech: Speech): string {
  if (error instanceof RelayProblem) return speech.texts.problem(error);
  if (error instanceof OwnProblem) return error.say(speech);
  return error instanceof Error ? error.message : String(error);
}
