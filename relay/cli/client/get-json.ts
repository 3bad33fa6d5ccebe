import { fromProblemRecord } from '../../../shared/problems/problem.ts';
import { noAnswer, notARelay } from './no-answer.ts';
import { headersOf } from './signed-request.ts';

/** One GET against a relay. Throws the relay's refusal, or `relay_unreachable`. */
export function getJson<Answer>(relayUrl: string, path: string, apiKey: string): Promise<Answer> {
  return askRelay(relayUrl, path, apiKey, {});
}

/** One POST against a relay. Throws the relay's refusal, or `relay_unreachable`. */
export function postJson<Answer>(
  relayUrl: string,
  path: string,
  apiKey: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return askRelay(relayUrl, path, apiKey, {
    method: 'POST',
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

/** One PUT against a relay. Throws the relay's refusal, or `relay_unreachable`. */
export function putJson<Answer>(relayUrl: string, path: string, apiKey: string, body: unknown): Promise<Answer> {
  return askRelay(relayUrl, path, apiKey, { method: 'PUT', body: JSON.stringify(body) });
}

/** One PATCH against a relay. Throws the relay's refusal, or `relay_unreachable`. */
export function patchJson<Answer>(relayUrl: string, path: string, apiKey: string, body: unknown): Promise<Answer> {
  return askRelay(relayUrl, path, apiKey, { method: 'PATCH', body: JSON.stringify(body) });
}

/** One DELETE against a relay. Throws the relay's refusal, or `relay_unreachable`. */
export function deleteJson<Answer>(relayUrl: string, path: string, apiKey: string): Promise<Answer> {
  return askRelay(relayUrl, path, apiKey, { method: 'DELETE' });
}

type Sent = { method?: string; headers?: Readonly<Record<string, string>>; body?: string };

async function askRelay<Answer>(relayUrl: string, path: string, apiKey: string, init: Sent): Promise<Answer> {
  const { method = 'GET', body: text } = init;
  const url = `${relayUrl}${path}`;
  const headers = { ...init.headers, ...headersOf({ method, url, apiKey, body: text }) };
  const response = await fetch(url, { ...init, headers }).catch((cause: unknown) => {
    throw noAnswer(relayUrl, cause);
  });
  const body = (await response.json().catch(() => undefined)) as { code?: string; detail?: string } | undefined;
  if (body === undefined) throw notARelay(relayUrl, response);
  if (response.ok) return body as Answer;
  if (body.code === undefined) throw notARelay(relayUrl, response);
  throw fromProblemRecord({ code: body.code, detail: body.detail ?? '' });
}
