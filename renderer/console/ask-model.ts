import { problemOf } from './api.ts';

/** A whole answer, and where it came from. */
export type WholeAnswer<Body> = { body: Body; node: string | null; receipt: string | null };

/** What a session or a key sends with a request of the playground: the session pays where there is no key. */
export function orderRequest(body: object, key: string, signal: AbortSignal): RequestInit {
  const bearer = key.trim();
  return {
    method: 'POST',
    signal,
    credentials: bearer === '' ? 'same-origin' : 'omit',
    headers: { 'content-type': 'application/json', ...(bearer === '' ? {} : { authorization: `Bearer ${bearer}` }) },
    body: JSON.stringify(body),
  };
}

/** Asks for an answer that comes whole. Rejects with the relay's problem, and with an `AbortError` when it is given up. */
export async function askModel<Body>(
  path: string,
  body: object,
  key: string,
  signal: AbortSignal,
): Promise<WholeAnswer<Body>> {
  const response = await fetch(path, orderRequest(body, key, signal));
  if (!response.ok) throw await problemOf(response);
  const { headers } = response;
  return {
    body: (await response.json()) as Body,
    node: headers.get('x-sparewatt-node'),
    receipt: headers.get('x-sparewatt-receipt'),
  };
}
