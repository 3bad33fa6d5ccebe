import { fetchFromRelay, problemOf, RelayProblem } from '../api.ts';

/** A whole answer, how long it took in milliseconds, and where it came from. */
export type WholeAnswer<Body> = { body: Body; totalMs: number; node: string | null; receipt: string | null };

/** What a session or a key sends with a request of the playground: the session pays where there is no key. */
export function orderRequest(body: object | FormData, key: string, signal: AbortSignal): RequestInit {
  const bearer = key.trim();
  const isForm = body instanceof FormData;
  return {
    method: 'POST',
    signal,
    credentials: bearer === '' ? 'same-origin' : 'omit',
    headers: {
      // Only the browser knows the boundary of a form.
      ...(isForm ? {} : { 'content-type': 'application/json' }),
      ...(bearer === '' ? {} : { authorization: `Bearer ${bearer}` }),
    },
    body: isForm ? body : JSON.stringify(body),
  };
}

export type WholeQuestion<Body> = {
  path: string;
  body: object | FormData;
  key: string;
  signal: AbortSignal;
  read(response: Response): Promise<Body>;
};

/** Asks for an answer that comes whole. Rejects with the relay's problem, and with any when it is given up. */
export async function askModel<Body>(question: WholeQuestion<Body>): Promise<WholeAnswer<Body>> {
  const startedAt = performance.now();
  const response = await fetchFromRelay(question.path, orderRequest(question.body, question.key, question.signal));
  if (!response.ok) throw await problemOf(response);
  const { headers } = response;
  const body = await question.read(response).catch(brokenOff);
  return {
    body,
    totalMs: performance.now() - startedAt,
    node: headers.get('x-sparewatt-node'),
    receipt: headers.get('x-sparewatt-receipt'),
  };
}

export async function readJson<Body>(response: Response): Promise<Body> {
  return (await response.json()) as Body;
}

/** What a browser says of an answer that ended early is for its makers. */
export function brokenOff(): never {
  throw new RelayProblem(0, 'relay_unreachable', 'The answer broke off on its way. Ask again.');
}
