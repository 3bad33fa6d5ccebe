import { fromProblemRecord, Problem } from '../../shared/problems/problem.ts';
import { noAnswer } from './relay-authority.ts';

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

/** One DELETE against a relay. Throws the relay's refusal, or `relay_unreachable`. */
export function deleteJson<Answer>(relayUrl: string, path: string, apiKey: string): Promise<Answer> {
  return askRelay(relayUrl, path, apiKey, { method: 'DELETE' });
}

async function askRelay<Answer>(relayUrl: string, path: string, apiKey: string, init: RequestInit): Promise<Answer> {
  const headers = {
    ...(init.headers as Record<string, string> | undefined),
    authorization: `Bearer ${apiKey}`,
    ...(init.body ? { 'content-type': 'application/json' } : {}),
  };
  const response = await fetch(`${relayUrl}${path}`, { ...init, headers }).catch((cause: unknown) => {
    throw noAnswer(relayUrl, cause);
  });
  const body = (await response.json().catch(() => ({}))) as { code?: string; detail?: string };
  if (response.ok) return body as Answer;
  if (body.code === undefined) {
    throw new Problem('relay_unreachable', `${relayUrl} answered with status ${response.status}, not as a relay does.`);
  }
  throw fromProblemRecord({ code: body.code, detail: body.detail ?? '' });
}
