/**
 * Lets a key that only signs in its own time answer the bus, whose library wants a signature at once: what the server
 * says first is held back until its challenge is signed.
 *
 * 1. The library hears everything in the order in which it arrived, and nothing before the challenge is signed.
 * 2. A socket whose challenge cannot be signed is closed, which the library takes for a lost connection.
 */
import type { Signer } from '../identity/signer.ts';
import { bytesToBase64Url } from '../protocol/base64.ts';

export type ChallengeSigner = {
  /** To be called before anybody sets the socket's `onmessage`. What `isTaken` refuses nobody hears, and nothing after it. */
  hold(socket: WebSocket, isTaken: (data: unknown) => boolean): void;
  /** The signature of a challenge that has been heard on a held socket; base64url. */
  signatureOf(nonce: string | undefined): string;
};

export function createChallengeSigner({ sign }: Signer): ChallengeSigner {
  const encoder = new TextEncoder();
  const signed = { nonce: '', signature: '' };

  async function answer(greeting: string): Promise<void> {
    const nonce = nonceOf(greeting);
    if (nonce === undefined) return;
    const signature = bytesToBase64Url(await sign(encoder.encode(nonce)));
    Object.assign(signed, { nonce, signature });
  }

  return {
    hold: (socket, isTaken) => holdUntil(socket, answer, isTaken),
    // Another challenge has not been signed; the server refuses the empty answer.
    signatureOf: (nonce) => (nonce === signed.nonce ? signed.signature : ''),
  };
}

function holdUntil(
  socket: WebSocket,
  answer: (greeting: string) => Promise<void>,
  isTaken: (data: unknown) => boolean,
): void {
  const decoder = new TextDecoder();
  let listener: ((event: MessageEvent) => void) | null = null;
  let held: MessageEvent[] | null = [];
  let greeting = '';
  Object.defineProperty(socket, 'onmessage', {
    get: () => listener,
    set: (wanted: typeof listener) => {
      listener = wanted;
    },
  });
  const release = (): void => {
    for (const event of held ?? []) listener?.(event);
    held = null;
  };
  let isRefused = false;
  socket.addEventListener('message', (event: MessageEvent<ArrayBuffer>) => {
    isRefused ||= !isTaken(event.data);
    if (isRefused) return;
    if (held === null) {
      listener?.(event);
      return;
    }
    held.push(event);
    if (greeting.includes('\r\n')) return; // It is being signed.
    greeting += decoder.decode(event.data, { stream: true });
    if (greeting.includes('\r\n')) answer(greeting).then(release, () => socket.close());
  });
}

/** The server's first line is `INFO {…}`. */
function nonceOf(greeting: string): string | undefined {
  const [, json = ''] = /^INFO\s+(\{.*\})/.exec(greeting) ?? [];
  try {
    const info: unknown = JSON.parse(json);
    const nonce = typeof info === 'object' && info !== null && 'nonce' in info ? info.nonce : undefined;
    return typeof nonce === 'string' ? nonce : undefined;
  } catch {
    return undefined;
  }
}
