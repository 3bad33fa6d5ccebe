import { Problem } from '../../../shared/problems/problem.ts';

export type HubOptions = {
  /** Base URL of the Hugging Face hub or of a mirror with the same paths. */
  hubUrl: string;
  token?: string;
  /** For a host that only some certificate authority vouches for. */
  fetch?: typeof globalThis.fetch;
  /** Whether its files may lie on other hosts, as those of the hub do; they may when absent. */
  leadsElsewhere?: boolean;
};

/** What the hub says of a file beside its content. Both come with the redirect to the storage, if there is one. */
export type HubResponse = {
  response: Response;
  /** SHA-256 the hub promises for large files. */
  sha256: string | null;
  commit: string | null;
  /** Of the whole file; null where nobody says. */
  sizeBytes: number | null;
};

/** Where a problem's reader can go on without the hub. */
export type WaysOut = { model: string; folder: string };

const MAX_REDIRECTS = 5;
/** Of what may pass, as a line that is down or a server that is busy: who asks again by itself does so after this long. */
const MAY_PASS = { retryAfterMs: 5_000 };

/** Answers again as it did. */
class RedirectRefused extends Error {}
const DEMO_MODEL = 'sparewatt/demo-chat';

export function fileUrl(options: HubOptions, model: string, revision: string, name: string): URL {
  const path = [...model.split('/'), 'resolve', revision, ...name.split('/')].map(encodeURIComponent).join('/');
  return new URL(path, options.hubUrl.endsWith('/') ? options.hubUrl : `${options.hubUrl}/`);
}

/**
 * Follows redirects by hand, because the digest and the commit stand on the first answer and not on the last, and
 * because the token must not go to another host. Rejects as `fetch` does.
 */
export async function requestFile(
  url: URL,
  options: HubOptions,
  fromByte: number,
  signal: AbortSignal,
  method: 'GET' | 'HEAD' = 'GET',
): Promise<HubResponse> {
  const ask = options.fetch ?? globalThis.fetch;
  let sha256: string | null = null;
  let commit: string | null = null;
  let linkedBytes: number | null = null;
  let target = url;
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const response = await ask(target, {
      headers: headers(url, target, options, fromByte),
      method,
      redirect: 'manual',
      signal,
    });
    sha256 ??= digestHeader(response);
    commit ??= response.headers.get('x-repo-commit');
    linkedBytes ??= sizeHeader(response, 'x-linked-size');
    const location = response.headers.get('location');
    const isEnd = response.status < 300 || response.status >= 400 || location === null;
    if (isEnd || options.leadsElsewhere === false) {
      return { response, sha256, commit, sizeBytes: linkedBytes ?? sizeHeader(response, 'content-length') };
    }
    await response.body?.cancel();
    target = redirected(location, target);
  }
  throw new RedirectRefused(`More than ${MAX_REDIRECTS} redirects.`);
}

/** Throws where a redirect would give up what TLS protects. */
function redirected(location: string, from: URL): URL {
  const target = new URL(location, from);
  if (target.protocol === 'https:' || (target.protocol === 'http:' && from.protocol === 'http:')) return target;
  throw new RedirectRefused(`it redirects from ${from.protocol} to ${target.protocol}`);
}

function headers(origin: URL, target: URL, options: HubOptions, fromByte: number): Record<string, string> {
  return {
    // A compressed body would make its length and a resumed range meaningless.
    'accept-encoding': 'identity',
    'user-agent': 'sparewatt',
    ...(options.token !== undefined && target.origin === origin.origin
      ? { authorization: `Bearer ${options.token}` }
      : {}),
    ...(fromByte > 0 ? { range: `bytes=${fromByte}-` } : {}),
  };
}

function sizeHeader(response: Response, name: string): number | null {
  const text = response.headers.get(name) ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

function digestHeader(response: Response): string | null {
  const tag = response.headers.get('x-linked-etag')?.replaceAll('"', '').replace(/^W\//, '') ?? '';
  return /^[0-9a-f]{64}$/.test(tag) ? tag : null;
}

/** The problem behind an answer that is not the file; `null` when the file simply is not there. */
export function statusProblem(response: Response, url: URL, out: WaysOut): Problem | null {
  const { status } = response;
  const reason = response.headers.get('x-error-code');
  // The hub hides which repositories exist: an unknown one answers 401.
  if (reason === 'RepoNotFound' || reason === 'RevisionNotFound') {
    return new Problem('model_not_found', `${url.host} has no model '${out.model}' or not that revision of it.`, {
      param: 'model',
    });
  }
  if (status === 404) return null;
  if (status === 401 || status === 403) {
    return new Problem(
      'model_download_failed',
      `${url.host} does not let us download '${out.model}': it is private, or its licence must be accepted first. ` +
        `Accept it on the model's page and set HF_TOKEN to a token of yours, ${otherWays(out)}`,
    );
  }
  return new Problem(
    'model_download_failed',
    `${url.host} answered ${status} for '${url.pathname}'. Try again later, ${otherWays(out)}`,
    status === 408 || status === 429 || status >= 500 ? MAY_PASS : {},
  );
}

export function unreachableProblem(error: unknown, url: URL, out: WaysOut): Problem {
  return new Problem(
    'model_download_failed',
    `${url.host} could not be reached to download '${out.model}' (${networkReason(error)}). ` +
      `Check the network, ${otherWays(out)}`,
    { ...(error instanceof RedirectRefused ? {} : MAY_PASS), cause: error },
  );
}

/** Of what a server would send again. */
export function brokenProblem(what: string, out: WaysOut): Problem {
  return new Problem('model_download_failed', `${what} Start again to try once more, ${otherWays(out)}`);
}

/** Of a line that broke, or that somebody stands in until its person has signed in. */
export function lineProblem(what: string, out: WaysOut): Problem {
  return new Problem('model_download_failed', `${what} Start again to try once more, ${otherWays(out)}`, MAY_PASS);
}

function otherWays({ folder }: WaysOut): string {
  return `or copy the model's folder to ${folder}, or use the demo model '${DEMO_MODEL}', which needs no network.`;
}

function networkReason(error: unknown): string {
  if (!(error instanceof Error)) return 'no reason given';
  const cause = error.cause;
  if (cause instanceof Error) return 'code' in cause ? String(cause.code) : cause.message;
  return error.message;
}
