import type { FrameWriter } from '../../shared/agent/frame-writer.ts';
import type { MinerFailure, MinerResult } from '../../shared/api/miners.ts';
import { Problem } from '../../shared/problems/problem.ts';
import { PROBLEMS } from '../../shared/problems/table.ts';
import type { Execution, Usage } from '../../shared/protocol/messages.ts';
import type { Errand } from './errand.ts';

/** What a miner that says nothing of it ran the job with. */
const UNKNOWN_EXECUTION: Execution = {
  runtime: 'http',
  device: 'unknown',
  dtype: 'unknown',
  revision: 'unknown',
  digest: null,
};

/**
 * Passes a piece of text on. Errors: `invalid_value`, `missing_required_parameter`, `body_too_large`; the attempt goes on
 * after them.
 */
export function passPiece(errand: Errand, { seq, text, tokens = 1 }: MinerResult, now: number): void {
  if (errand.request.type !== 'llm') throw wrong('partial', 'Only the answers of llm jobs come in pieces.');
  if (seq === undefined) throw missing('seq', 'Number the pieces 0, 1, 2 …, so that none counts twice.');
  if (text === undefined) throw missing('text', 'A piece is a text.');
  if (seq < errand.pieces) return;
  if (seq > errand.pieces) throw wrong('seq', `Piece ${errand.pieces} is due. Send it first.`);
  takeRoom(errand, text);
  errand.pieces += 1;
  errand.tokens += tokens;
  errand.firstTextAt ??= now;
  if (text !== '') errand.frames.text(text, tokens);
}

/** Writes the end of an attempt. Errors as above: nothing is written then, and the miner may say it again. */
export function passResult(errand: Errand, result: MinerResult, now: number): void {
  const { frames, request, fetchedAt } = errand;
  const usage = usageOf(errand, result);
  const { execution = UNKNOWN_EXECUTION, output, signature, toolCalls } = result;
  const totalMs = now - (fetchedAt ?? now);
  const firstTokenMs = errand.firstTextAt === null ? totalMs : errand.firstTextAt - (fetchedAt ?? now);
  const { timings = { firstTokenMs, totalMs } } = result;
  if (request.type === 'llm') passText(errand, result, usage);
  else if (request.type === 'embed') passVectors(frames, result, request.input.inputs.length);
  else if (output === undefined) throw missing('output', `A job of type ${request.type} is answered by an object.`);
  const { finishReason = toolCalls === undefined ? 'stop' : 'tool_calls' } = result;
  frames.done({
    ...{ finishReason, usage, timings, execution },
    ...(request.type === 'llm' || request.type === 'embed' ? {} : { output }),
    ...(signature === undefined ? {} : { signature }),
  });
}

/** Writes that the attempt has failed. */
export function passFailure({ frames }: Errand, { code = 'node_fault', message, retry }: MinerFailure): void {
  const isOthersChance = PROBLEMS[code].retry === 'elsewhere';
  if (retry === undefined || retry === isOthersChance) frames.fail(new Problem(code, message));
  else frames.fail(new Problem(retry ? 'node_fault' : 'job_failed', message));
}

function passText(errand: Errand, { text, toolCalls = [] }: MinerResult, usage: Usage): void {
  const { frames, tokens, pieces } = errand;
  if (text === undefined && pieces === 0 && toolCalls.length === 0) {
    throw missing('text', 'The answer to an llm job is its text.');
  }
  takeRoom(errand, [text, toolCalls]);
  if (text !== undefined && text !== '') frames.text(text, Math.max(0, usage.outputTokens - tokens));
  for (const [index, call] of toolCalls.entries()) frames.toolCall({ index, tokens: 0, ...call });
}

/** Before anything is passed on: what was refused may come again, and what waits for the end lies in the relay's memory. */
function takeRoom(errand: Errand, said: unknown): void {
  const bytes = errand.bytes + Buffer.byteLength(JSON.stringify(said));
  if (bytes > errand.mostBytes) {
    throw new Problem('body_too_large', `The answer has ${bytes} bytes; ${errand.mostBytes} are taken.`);
  }
  errand.bytes = bytes;
}

function passVectors(frames: FrameWriter, { vectors }: MinerResult, inputs: number): void {
  if (vectors === undefined) throw missing('vectors', 'The answer to an embed job is one vector for each input.');
  const dimensions = vectors[0]?.length ?? 0;
  if (vectors.length !== inputs) throw wrong('vectors', `${inputs} vectors are due, one for each input.`);
  if (vectors.some(({ length }) => length !== dimensions)) throw wrong('vectors', 'All vectors must be equally long.');
  const values = Float32Array.from(vectors.flat());
  if (!values.every(Number.isFinite)) throw wrong('vectors', 'A number does not fit in 32 bits.');
  frames.vectors(0, vectors.length, dimensions, values);
}

function usageOf({ request }: Errand, { usage }: MinerResult): Usage {
  if (usage !== undefined) return usage;
  if (request.type === 'llm' || request.type === 'embed') {
    throw missing('usage', 'Say how many tokens were read and written: {"inputTokens": 4, "outputTokens": 4}.');
  }
  return { inputTokens: 0, outputTokens: 0 };
}

function missing(param: string, sentence: string): Problem {
  return new Problem('missing_required_parameter', sentence, { param });
}

function wrong(param: string, sentence: string): Problem {
  return new Problem('invalid_value', sentence, { param });
}
