import assert from 'node:assert/strict';
import type { ToolDeclaration } from '../../shared/protocol/messages.ts';
import { type AnswerPiece, createToolCallParser } from '../../shared/runtimes/constraints/tool-call-parser.ts';
import type { ToolFormat } from '../../shared/runtimes/constraints/tool-formats.ts';
import type { Vocabulary } from '../../shared/runtimes/constraints/vocabulary.ts';

export type Call = { name: string; arguments: string };

/** What a client makes of an answer. */
export type ReadAnswer = { text: string; calls: Call[] };

export function assembled(pieces: readonly AnswerPiece[]): ReadAnswer {
  let text = '';
  const calls: Call[] = [];
  for (const piece of pieces) {
    if (piece.type === 'text') text += piece.text;
    else if (piece.name !== undefined) {
      assert.equal(piece.index, calls.length);
      calls.push({ name: piece.name, arguments: piece.arguments });
    } else {
      assert.equal(piece.index, calls.length - 1);
      (calls.at(-1) ?? assert.fail()).arguments += piece.arguments;
    }
  }
  return { text, calls };
}

/** An answer that came in these pieces, its marks in letters. */
export function readPieces(
  format: ToolFormat,
  tools: readonly ToolDeclaration[],
  pieces: readonly string[],
): ReadAnswer {
  const parser = createToolCallParser(format, false, tools);
  const read = assembled([...pieces.flatMap((piece) => parser.push(piece)), ...parser.flush()]);
  assert.equal(parser.calls(), read.calls.length);
  return read;
}

/** An answer of these tokens. */
export function readTokens(
  format: ToolFormat,
  tools: readonly ToolDeclaration[],
  tokens: readonly number[],
  vocabulary: Vocabulary,
): ReadAnswer {
  const parser = createToolCallParser(format, format.mark !== null && vocabulary.hasMark(format.mark), tools);
  const decoder = new TextDecoder();
  const pieces: AnswerPiece[] = [];
  for (const id of tokens) {
    const isMark = vocabulary.markOf(id) !== null;
    const bytes = vocabulary.bytesOf(id) ?? new Uint8Array(0);
    pieces.push(...(isMark ? parser.pushMark() : parser.push(decoder.decode(bytes, { stream: true }))));
  }
  return assembled([...pieces, ...parser.flush()]);
}
