import { readFile } from 'node:fs/promises';
import { extname, posix, resolve, sep } from 'node:path';
import { PAGE_HEADERS } from '../../shared/pages/page-headers.ts';

export const APP_SCHEME = 'sparewatt-app';
export const UI_URL = `${APP_SCHEME}://app/ui/index.html`;
export const COMPUTE_URL = `${APP_SCHEME}://app/compute/index.html`;

/** Standard and secure, so that pages have an origin, workers and WebGPU; nothing that goes around the CSP. */
export const APP_SCHEME_PRIVILEGES = {
  scheme: APP_SCHEME,
  privileges: { standard: true, secure: true, supportFetchAPI: true, stream: true, codeCache: true },
};

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
};

export type ServePage = (request: Request) => Promise<Response>;

/**
 * Answers requests for `sparewatt-app://app/…` from folders of built files. `roots` maps the beginning of a path to its
 * folder; the longest beginning wins, and nothing outside of the folder is read.
 */
export function createPageServer(roots: Readonly<Record<string, string>>): ServePage {
  const prefixes = Object.keys(roots).sort((a, b) => b.length - a.length);
  return async ({ method, url }) => {
    if (method !== 'GET' && method !== 'HEAD') return refusal(405);
    const path = pathOf(url);
    const prefix = prefixes.find((each) => path?.startsWith(each));
    const folder = prefix === undefined ? undefined : roots[prefix];
    if (path === undefined || prefix === undefined || folder === undefined) return refusal(404);
    const file = fileBelow(folder, path.slice(prefix.length));
    if (file === undefined) return refusal(403);
    const body = await readFile(file).catch(() => undefined);
    if (body === undefined) return refusal(404);
    const type = TYPES[extname(file)] ?? 'application/octet-stream';
    return new Response(method === 'HEAD' ? null : body, { headers: { ...PAGE_HEADERS, 'content-type': type } });
  };
}

function pathOf(text: string): string | undefined {
  try {
    const url = new URL(text);
    if (url.protocol !== `${APP_SCHEME}:` || url.host !== 'app') return undefined;
    const path = decodeURIComponent(url.pathname);
    return path.includes('\0') ? undefined : posix.normalize(path);
  } catch {
    return undefined;
  }
}

function fileBelow(folder: string, path: string): string | undefined {
  const root = resolve(folder) + sep;
  const file = resolve(root, `.${posix.sep}${path}`);
  return file.startsWith(root) ? file : undefined;
}

function refusal(status: number): Response {
  return new Response(null, { status, headers: PAGE_HEADERS });
}
