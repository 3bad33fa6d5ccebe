import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { Problem } from '../../../shared/problems/problem.ts';

const THIS_MACHINE = ['localhost', '127.0.0.1', '[::1]'];
/** Names that nobody can register, and so nobody can point at this machine once their page is loaded; also `[fd00::5]`. */
const NAME_OF_NOBODY = /^[^.]+$|\.(localhost|local|internal|lan|home\.arpa)$/;

/**
 * Lets programs pass, pages of this machine, and pages of the relay itself at an address that nobody else can make
 * theirs: an IP address, a local name, or that of `publicUrl`. Looks at headers alone. Errors: `origin_refused`.
 */
export function assertOwnPage(headers: IncomingHttpHeaders, publicUrl: string | undefined): void {
  const refusal = refusalOfPage(headers, publicUrl);
  if (refusal !== undefined) throw refusal;
}

/** The same, for what a page of somebody else may do as any stranger may. */
export function isOwnPage(headers: IncomingHttpHeaders, publicUrl: string | undefined): boolean {
  return refusalOfPage(headers, publicUrl) === undefined;
}

function refusalOfPage({ origin, host }: IncomingHttpHeaders, publicUrl: string | undefined): Problem | undefined {
  // Every browser says the origin of what it posts; who does not is no page, and its Host fools nobody.
  if (origin === undefined || origin === '') return undefined;
  const known = [...THIS_MACHINE, ...(publicUrl === undefined ? [] : [new URL(publicUrl).hostname])];
  const asked = urlOf(`http://${host}`);
  if (asked === undefined || !(known.includes(asked.hostname) || isNobodyElses(asked.hostname))) return wrongHost();
  const page = urlOf(origin);
  return page !== undefined && (known.includes(page.hostname) || page.host === asked.host) ? undefined : wrongOrigin();
}

function isNobodyElses(hostname: string): boolean {
  return isIP(hostname) !== 0 || NAME_OF_NOBODY.test(hostname);
}

function urlOf(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

function wrongOrigin(): Problem {
  return new Problem(
    'origin_refused',
    'Pages of this origin may not use the tools of this relay. Ask from a program, or from a page of the relay itself.',
  );
}

function wrongHost(): Problem {
  return new Problem(
    'origin_refused',
    'Pages may not use the tools of this relay under this name. If it is its own, say so with public_url.',
  );
}
