import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';

/** What a relay says to a node is far shorter. */
const ANSWER_MOST_BYTES = 1024 * 1024;

/**
 * A fetch that believes one certificate authority (PEM) and no other, for whole answers without redirects: the
 * platform's own can be told whom to believe only for the whole process, which downloads models too.
 */
export function fetchTrusting(authority: string): typeof globalThis.fetch {
  return async (input, init = {}) => {
    const { method, headers, body, signal } = new Request(input, init);
    const bytes = Buffer.from(await new Response(body).arrayBuffer());
    return new Promise((resolve, reject) => {
      const options = { method, headers: Object.fromEntries(headers), ca: authority, agent: false, signal };
      const sent = request(String(input), options, (answer) => {
        readAnswer(answer).then(resolve, reject);
      });
      sent.once('error', reject);
      sent.end(bytes);
    });
  };
}

async function readAnswer(answer: IncomingMessage): Promise<Response> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > ANSWER_MOST_BYTES) throw new Error(`The answer has more than ${ANSWER_MOST_BYTES} bytes.`);
    chunks.push(chunk);
  }
  const headers = Object.entries(answer.headers).map(([name, value]): [string, string] => [name, String(value)]);
  return new Response(Buffer.concat(chunks), { status: answer.statusCode ?? 500, headers });
}
