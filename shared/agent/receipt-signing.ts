import type { Signer } from '../identity/signer.ts';
import { bytesToBase64Url } from '../protocol/base64.ts';
import type { JobRequest, JsonInput } from '../protocol/messages.ts';
import { outputBytes, requestBytes } from '../receipts/hashed-content.ts';
import { type NodeStatement, nodeStatementBytes, SERVICE_OF_JOB_TYPE } from '../receipts/statements.ts';
import type { PassedContent } from './frame-writer.ts';

/** What is known at the end of an attempt. */
export type SignedEnd = Pick<NodeStatement, 'execution' | 'usage' | 'timings'> & { output?: JsonInput };

export type ReceiptSigning = PassedContent & {
  /** The node's signature under its part of the receipt, base64url; undefined where it cannot sign. Never rejects. */
  sign(end: SignedEnd): Promise<string | undefined>;
};

/**
 * Keeps what a node sends of one attempt and signs for it at the end. Nothing is hashed before that, so that the first
 * token waits for no hash.
 */
export function beginSigning(request: JobRequest, signer: Promise<Signer>): ReceiptSigning {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  const encoder = new TextEncoder();
  const signEnd = async ({ execution, usage, timings, output }: SignedEnd): Promise<string> => {
    const { publicKey, sign } = await signer;
    if (output !== undefined) pieces.push(outputBytes(output));
    const { job, attempt, epoch, model } = request;
    const statement: NodeStatement = {
      ...{ job, attempt, epoch, model, execution, usage, timings },
      nonce: request.nonce ?? null,
      service: SERVICE_OF_JOB_TYPE[request.type],
      requestHash: await sha256Hex(requestBytes(request)),
      responseHash: await sha256Hex(joined(pieces)),
      nodeKey: publicKey,
    };
    return bytesToBase64Url(await sign(nodeStatementBytes(statement)));
  };
  return {
    text: (text) => void pieces.push(encoder.encode(text)),
    // A copy: the runtime may use its buffer again.
    vectors: (values) => void pieces.push(new Uint8Array(new Float32Array(values).buffer)),
    // An answer without a signature is worth more than none.
    sign: (end) => signEnd(end).catch(() => undefined),
  };
}

function joined(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

async function sha256Hex(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
