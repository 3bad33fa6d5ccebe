import type { FastifyReply } from 'fastify';
import { toErrorBody } from '../../../shared/problems/http.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import type { DoneFrame } from '../../../shared/protocol/messages.ts';
import { cutIfUnread } from '../unread.ts';
import { usageOf } from './usage.ts';

export type AnswerStreamOptions = {
  reply: FastifyReply;
  requestId: string;
  id: string;
  createdS: number;
  model: string;
  includeUsage: boolean;
  /** Told when the reader is so slow that its answer is given up. */
  onTooSlow(problem: Problem): void;
};

/** An answer as server-sent events in OpenAI's shape. */
export type AnswerStream = {
  readonly begun: boolean;
  /** Sends the head and the first chunk; the status is 200 from here on. */
  begin(headers: Record<string, string>): void;
  text(text: string): void;
  end(done: DoneFrame): void;
  fail(problem: Problem): void;
};

/** Text held for a reader that does not read. Longer than any answer that somebody waits for. */
const MAX_PENDING_CHARACTERS = 1_048_576;

/**
 * Invariants: (1) the first chunk carries the role, the last a finish reason, then `[DONE]`; (2) a stream that cannot
 * end so ends with an `error` event, never with silence; (3) while the socket is full, text gathers in one string
 * instead of a queue of chunks, and its length is bounded.
 */
export function createAnswerStream(options: AnswerStreamOptions): AnswerStream {
  const raw = options.reply.raw;
  const chunkHead = `data: {"id":${JSON.stringify(options.id)},"object":"chat.completion.chunk","created":${options.createdS},"model":${JSON.stringify(options.model)},`;
  const usageField = options.includeUsage ? ',"usage":null' : '';
  let pending = '';
  let blocked = false;
  let begun = false;

  const write = (data: string): void => {
    if (!raw.destroyed && !raw.writableEnded) blocked = !raw.write(data);
  };
  const writeChoice = (delta: string, finishReason: string): void =>
    write(
      `${chunkHead}"choices":[{"index":0,"delta":${delta},"logprobs":null,"finish_reason":${finishReason}}]${usageField}}\n\n`,
    );
  const close = (): void => {
    raw.end();
    cutIfUnread(options.reply);
  };
  const flush = (): void => {
    if (pending === '') return;
    const text = pending;
    pending = '';
    writeChoice(`{"content":${JSON.stringify(text)}}`, 'null');
  };
  raw.on('drain', () => {
    blocked = false;
    flush();
  });

  return {
    get begun() {
      return begun;
    },
    begin: (headers) => {
      begun = true;
      options.reply.hijack();
      raw.writeHead(200, {
        ...headers,
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-cache, no-transform',
        // Proxies that buffer would turn a stream into one late answer.
        'x-accel-buffering': 'no',
        'x-request-id': options.requestId,
      });
      writeChoice('{"role":"assistant","content":"","refusal":null}', 'null');
    },
    text: (text) => {
      pending += text;
      if (!blocked) flush();
      else if (pending.length > MAX_PENDING_CHARACTERS) options.onTooSlow(tooSlow());
    },
    end: (done) => {
      flush();
      writeChoice('{}', JSON.stringify(done.finishReason));
      if (options.includeUsage) write(`${chunkHead}"choices":[],"usage":${JSON.stringify(usageOf(done.usage))}}\n\n`);
      write('data: [DONE]\n\n');
      close();
    },
    fail: (problem) => {
      if (problem.code === 'client_too_slow') pending = '';
      flush();
      write(`data: ${JSON.stringify({ error: toErrorBody(problem, options.requestId).error })}\n\n`);
      close();
    },
  };
}

function tooSlow(): Problem {
  return new Problem('client_too_slow', 'The client has stopped reading; the answer was given up.');
}
