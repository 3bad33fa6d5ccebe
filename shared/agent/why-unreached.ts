/** What the platforms call it; `cause` may be a fetch's own error, or what a socket or a TLS handshake ended with. */
const UNKNOWN_NAME = /^(ENOTFOUND|EAI_NONAME|EAI_NODATA|EAI_FAIL)$/;
const NO_RESOLVER = 'EAI_AGAIN';
const REFUSED = 'ECONNREFUSED';
const NO_ROUTE = /^(EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|EADDRNOTAVAIL)$/;
const HUNG_UP = /^(UND_ERR_SOCKET|ECONNRESET|EPIPE)$|^HPE_/;
const NO_TLS = /^(ERR_SSL_|EPROTO)/;
const OTHER_NAME = 'ERR_TLS_CERT_ALTNAME_INVALID';
const OUT_OF_DATE = /^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/;
const UNKNOWN_AUTHORITY =
  /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_(VERIFY|GET)_\w+|CERT_(UNTRUSTED|SIGNATURE_FAILURE|REJECTED))$/;
/** What the socket of Node says when the upgrade of a line is refused. */
const NO_UPGRADE = /Unexpected server response: (\d{3})/;
/** Of the platform's fetch, which tells them by its words alone. */
const REDIRECTED = 'unexpected redirect';
const BARRED_PORT = 'bad port';

/** Why nobody who is a relay was reached at this address, and what to do about it. */
export function whyUnreached(relayUrl: string, error: unknown): string {
  const { code, message } = innermost(error);
  const { hostname, host, port, protocol } = new URL(relayUrl);
  const isTls = protocol === 'https:';
  if (UNKNOWN_NAME.test(code))
    return `There is no machine by the name of ${hostname} (${code}). Look at how it is written in ${relayUrl}.`;
  if (code === NO_RESOLVER)
    return `The name ${hostname} cannot be looked up now (${code}). Is this machine online, and the name in ${relayUrl} right?`;
  if (code === REFUSED)
    return `Nothing listens at ${host} (${code}). Is the relay of ${relayUrl} running, and on this port?`;
  if (NO_ROUTE.test(code))
    return `This machine has no way to ${host} (${code}). Is it online, and in the network of ${relayUrl}?`;
  if (isTls && NO_TLS.test(code))
    return `What listens at ${host} speaks no TLS (${code}). Use ${relayUrl.replace(/^https/, 'http')}, if it is the relay.`;
  if (!isTls && HUNG_UP.test(code))
    return `The relay at ${relayUrl} hung up (${code}). Is it running? If it speaks TLS, use ${relayUrl.replace(/^http/, 'https')}.`;
  if (code === OTHER_NAME)
    return `The certificate of ${relayUrl} is for other names (${code}). Use one of them, or have its operator add this one with --tls-name.`;
  if (OUT_OF_DATE.test(code))
    return `The certificate of ${relayUrl} does not count today (${code}). Its operator has to renew it, unless the clock of this machine is wrong.`;
  if (UNKNOWN_AUTHORITY.test(code))
    return `This machine does not know who vouches for ${relayUrl} (${code}). If its operator says that the relay has a new authority, pair this node anew; else another machine may answer there.`;
  if (NO_UPGRADE.test(message))
    return `The relay at ${relayUrl} does not let this node in now (status ${NO_UPGRADE.exec(message)?.[1]}).`;
  if (message === REDIRECTED)
    return `${relayUrl} sends elsewhere, which is not followed. Use the address that it leads to, mostly https.`;
  if (message === BARRED_PORT)
    return `Port ${port} belongs to another protocol, and HTTP is not spoken there. Look at ${relayUrl}, or have the relay take another port.`;
  return `The relay at ${relayUrl} does not answer. Is it running?`;
}

/** The last cause that has a code, else the last of all. */
function innermost(error: unknown): { code: string; message: string } {
  let found = { code: '', message: '' };
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth++) {
    const code = 'code' in cause ? String(cause.code) : '';
    found = { code: code || found.code, message: cause.message };
  }
  return found;
}
