import { Problem } from '../../../shared/problems/problem.ts';
import { COMMAND, COMMAND_ELSEWHERE } from '../own-command.ts';

/** Why a request did not reach the relay: nobody is there, speaks as it was asked, or is vouched for by whom this machine knows. */
export function noAnswer(relayUrl: string, cause: unknown): Problem {
  const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause : undefined;
  const code = reason !== undefined && 'code' in reason ? String(reason.code) : '';
  if (/CERT|VERIFY|ALTNAME/.test(code)) {
    return new Problem(
      'relay_not_verified',
      `The certificate of ${relayUrl} cannot be verified (${code}). Copy what "${COMMAND_ELSEWHERE} ca" names on the relay's machine to here, and set NODE_EXTRA_CA_CERTS to it.`,
      { cause },
    );
  }
  return new Problem('relay_unreachable', `No relay answers at ${relayUrl}. ${adviceFor(relayUrl, code)}`, { cause });
}

/** A server that is asked in the wrong one of HTTP and HTTPS hangs up, or answers in what is no TLS. */
function adviceFor(relayUrl: string, code: string): string {
  const [, scheme = '', rest = ''] = /^(https?)(:.*)$/.exec(relayUrl) ?? [];
  if (scheme === 'http' && /^(UND_ERR_SOCKET|ECONNRESET)$/.test(code)) {
    return `What listens there hung up; if it speaks TLS, ask https${rest}`;
  }
  if (scheme === 'https' && code.startsWith('ERR_SSL_')) {
    return `What listens there speaks no TLS (${code}); ask http${rest}`;
  }
  return `Start one with: ${COMMAND} relay`;
}

/** Something else has answered: the address is that of another program. */
export function notARelay(relayUrl: string, { status }: Response): Problem {
  return new Problem('relay_unreachable', `${relayUrl} answered with status ${status}, not as a relay does.`);
}
