import type { HostCrypto } from '../identity/host-crypto.ts';
import { joinBytes } from '../protocol/join-bytes.ts';
import type { JobRequest, JsonInput } from '../protocol/messages.ts';
import { createThoughtMarks, outputBytes, requestBytes } from '../receipts/hashed-content.ts';
import { type NodeStatement, nodeStatementBytes, SERVICE_OF_JOB_TYPE } from '../receipts/statements.ts';
import type { PieceDetail, ToolCallPiece } from '../runtimes/runtime.ts';
import type { StatementSigner } from './batch-signing.ts';

/** The node's key and what signs with it. */
export type ReceiptKey = {
  readonly publicKey: string;
  readonly crypto: Pick<HostCrypto, 'sha256Hex'>;
  readonly signStatement: StatementSigner;
};

/** What is known at the end of an attempt. */
export type SignedEnd = Pick<NodeStatement, 'execution' | 'usage' | 'timings'> & { output?: JsonInput };

export type ReceiptSigning = {
  text(text: string, more?: PieceDetail): void;
  toolCall(piece: ToolCallPiece): void;
  vectors(values: Float32Array): void;
  /** The node's signature under its part of the receipt, as text; undefined where it cannot sign. Never rejects. */
  sign(end: SignedEnd): Promise<string | undefined>;
};

/**
 * Keeps what a node answers in one attempt and signs for it at the end. Nothing is hashed before that, so that the first
 * token waits for no hash.
 */
export function beginSigning(request: JobRequest, { publicKey, crypto, signStatement }: ReceiptKey): ReceiptSigning {
  const choices = request.type === 'llm' ? (request.input.choices ?? 1) : 1;
  const texts = new Array<string>(choices).fill('');
  const marked = Array.from(texts, createThoughtMarks);
  const vectors: Uint8Array<ArrayBuffer>[] = [];
  const add = (text: string, { choice = 0, reasoning }: PieceDetail = {}): void => {
    texts[choice] += marked[choice]?.(text, reasoning === true) ?? '';
  };

  const responseHash = async (output: JsonInput | undefined): Promise<string> => {
    if (output !== undefined) return crypto.sha256Hex(outputBytes(output));
    if (request.type === 'embed') return crypto.sha256Hex(joinBytes(vectors));
    const [first = ''] = texts;
    if (choices === 1) return crypto.sha256Hex(first);
    return crypto.sha256Hex((await Promise.all(texts.map((text) => crypto.sha256Hex(text)))).join(''));
  };
  const signEnd = async ({ execution, usage, timings, output }: SignedEnd): Promise<string> => {
    const { job, attempt, epoch, model } = request;
    const statement: NodeStatement = {
      ...{ job, attempt, epoch, model, execution, usage, timings },
      nonce: request.nonce ?? null,
      service: request.service ?? SERVICE_OF_JOB_TYPE[request.type],
      requestHash: await crypto.sha256Hex(requestBytes(request)),
      responseHash: await responseHash(output),
      nodeKey: publicKey,
    };
    return signStatement(nodeStatementBytes(statement));
  };
  return {
    text: add,
    toolCall: (piece) => add((piece.name === undefined ? '' : `\0${piece.name}\0`) + piece.arguments, piece),
    // A copy: the runtime may use its buffer again.
    vectors: (values) => void vectors.push(new Uint8Array(new Float32Array(values).buffer)),
    // An answer without a signature is worth more than none.
    sign: (end) => signEnd(end).catch(() => undefined),
  };
}
