import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';

/**
 * A fetch that believes one certificate authority (PEM) and no other, without redirects; the body of an answer is handed on as it
 * comes. The platform's own can be told whom to believe only for the whole process, which downloads models too.
 */
export function fetchTrusting(authority: string): typeof globalThis.fetch {
  return async (input, init = {}) => {
    const { method, headers, body, signal } = new Request(input, init);
    const bytes = Buffer.from(await new Response(body).arrayBuffer());
    const options = { method, headers: Object.fromEntries(headers), ca: authority, agent: false, signal };
    return new Promise((resolve, reject) => {
      const sent = request(String(input), options, (answer) => {
        try {
          resolve(responseOf(answer));
        } catch (cause) {
          // Some numbers no answer with a body may have, and others nobody knows; thrown here they would end the node.
          answer.destroy();
          reject(new Error(`it answered with status ${answer.statusCode}`, { cause }));
        }
      });
      sent.on('error', reject);
      sent.end(bytes);
    });
  };
}

function responseOf(answer: IncomingMessage): Response {
  const headers = Object.entries(answer.headers).map(([name, value]): [string, string] => [name, String(value)]);
  const body = Readable.toWeb(answer) as ReadableStream<Uint8Array>;
  return new Response(body as ConstructorParameters<typeof Response>[0], { status: answer.statusCode ?? 500, headers });
}
