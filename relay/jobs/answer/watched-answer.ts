import { isHeld } from '../../../shared/protocol/held-answer.ts';
import type { ChatInput, DoneFrame, Usage } from '../../../shared/protocol/messages.ts';
import {
  type ContentHash,
  createResponseHasher,
  hashRequest,
  type ResponseHasher,
} from '../../receipts/content-hashes.ts';
import type { AnswerSink } from '../attempt.ts';
import type { JobSpec } from '../job.ts';
import { believableUsage } from './believable-usage.ts';
import { type GatheredAnswer, gatherAnswer } from './gather-answer.ts';
import { assertHeld } from './held-answer.ts';

/** What goes into a receipt beside what the node said of itself. */
export type Measured = {
  readonly request: ContentHash;
  readonly response: ContentHash;
  /** Of a stream alone: what comes whole does not show its tokens. */
  readonly outputTokens: number | null;
  /** What the node said. */
  readonly reported: Usage;
};

/** The answer of a job, timed, counted and hashed on its way to the caller. */
export type WatchedAnswer = {
  /** Between the attempts and the caller. */
  readonly sink: AnswerSink;
  /** Since the job was handed over; null while nothing has come out. */
  firstOutputMs(): number | null;
  /** Whether no output has come out, or all that has could be taken back; the next attempt then begins afresh. */
  takeBack(): boolean;
  /** The last frame of a node, with such counts of tokens as can be believed. */
  believed(done: DoneFrame): DoneFrame;
  /** A job that broke off is charged what was passed on, with its prompt where the node has told how long that is (SPEC J17). */
  usageOfBroken(): Usage | null;
  /** May be called once, at the end of an answer that came whole. */
  measured(done: DoneFrame): Measured;
};

/** What has come out since the answer began, or was taken back. */
type Passed = { hasher: ResponseHasher; firstMs: number | null; tokens: number; inputTokens: number };

function nothingPassed(choices: number | undefined): Passed {
  return { hasher: createResponseHasher(choices), firstMs: null, tokens: 0, inputTokens: 0 };
}

export function watchAnswer(job: JobSpec, caller: AnswerSink, elapsedMs: () => number): WatchedAnswer {
  const choices = job.type === 'llm' ? (job.input as ChatInput).choices : 1;
  const held = job.type === 'llm' && isHeld(job.input as ChatInput) ? gatherAnswer(choices ?? 1) : undefined;
  const passed = nothingPassed(choices);
  let reported: Usage | undefined;
  let request: ContentHash | undefined;
  const requestOf = (): ContentHash => {
    request ??= hashRequest(job as Parameters<typeof hashRequest>[0]);
    return request;
  };
  const believable = (claimed: Usage): Usage =>
    believableUsage(job, claimed, {
      responseBytes: passed.hasher.sizeBytes(),
      requestBytes: () => requestOf().sizeBytes,
    });
  const passedTokens = (): number => believable({ inputTokens: 0, outputTokens: passed.tokens }).outputTokens;
  return {
    sink: watchedSink(job, caller, passed, held, elapsedMs),
    firstOutputMs: () => passed.firstMs,
    takeBack: () => {
      if (passed.firstMs === null) return true;
      if (caller.takeBack === undefined) return false;
      caller.takeBack();
      held?.sink.takeBack?.();
      Object.assign(passed, nothingPassed(choices));
      return true;
    },
    believed: (done) => {
      reported = done.usage;
      const usage = believable(reported);
      return usage === reported ? done : { ...done, usage };
    },
    usageOfBroken: () => {
      const { tokens: outputTokens, inputTokens } = passed;
      const usage = believable({ inputTokens, outputTokens });
      return usage.outputTokens === 0 ? null : usage;
    },
    measured: ({ output, usage }) => {
      const outputTokens = job.type === 'llm' && job.stream ? passedTokens() : null;
      if (output !== undefined) passed.hasher.output(output);
      return { request: requestOf(), response: passed.hasher.digest(), outputTokens, reported: reported ?? usage };
    },
  };
}

/** Notes what comes, then passes it on. */
function watchedSink(
  job: JobSpec,
  caller: AnswerSink,
  passed: Passed,
  held: GatheredAnswer | undefined,
  elapsedMs: () => number,
): AnswerSink {
  return {
    accepted: (node) => caller.accepted?.(node),
    text: (text, tokens, more) => {
      passed.firstMs ??= elapsedMs();
      // What is read along of a transcript comes again in its output, which is what counts.
      if (job.type === 'llm') passed.hasher.text(text, more);
      // A whole answer says at its end how many there were, those of its thoughts among them.
      passed.tokens = job.stream === true ? passed.tokens + tokens : Math.max(passed.tokens, tokens);
      passed.inputTokens ||= more?.inputTokens ?? 0;
      held?.sink.text?.(text, tokens, more);
      caller.text?.(text, tokens, more);
    },
    toolCall: (piece) => {
      passed.firstMs ??= elapsedMs();
      passed.hasher.toolCall(piece, piece.choice);
      passed.tokens += piece.tokens;
      passed.inputTokens ||= piece.inputTokens ?? 0;
      held?.sink.toolCall?.(piece);
      caller.toolCall?.(piece);
    },
    vectors: (frame) => {
      passed.firstMs ??= elapsedMs();
      passed.hasher.vectors(frame.data);
      caller.vectors?.(frame);
    },
    judge: (done) => {
      if (held !== undefined) assertHeld(job.input as ChatInput, held.gathered(), done);
      return caller.judge?.(done);
    },
  };
}
