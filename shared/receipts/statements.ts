import type { Execution, NodeTimings, Usage } from '../protocol/messages.ts';
import type { JobType } from '../protocol/subjects.ts';
import { canonicalJson } from './canonical-json.ts';
import type { LoggedReceipt, Receipt } from './receipt.ts';

/** The registry's id of the service behind each type of job. */
export const SERVICE_OF_JOB_TYPE: Readonly<Record<JobType, string>> = {
  llm: 'llm/inference',
  embed: 'embed/text',
  stt: 'capability/stt',
  tts: 'capability/tts',
  ocr: 'capability/ocr',
  image: 'capability/image',
  task: 'capability/task',
  ffmpeg: 'ffmpeg/transcode',
  blender: 'blender/render',
  compute: 'science/matrix-product',
};

/** The part of a receipt that a node knows when it has finished an attempt. */
export type NodeStatement = Readonly<
  Pick<Receipt, 'job' | 'attempt' | 'nonce' | 'epoch' | 'service' | 'model' | 'requestHash' | 'responseHash'>
> & {
  readonly nodeKey: string;
  readonly execution: Execution;
  readonly usage: Usage;
  readonly timings: NodeTimings;
};

/**
 * What the node signs. Its first line keeps it apart from everything else that is ever signed with the same key. Each
 * member is named, so that what another version adds to a message does not change the bytes, and in the order of the
 * canonical form, which is then several times as quick to write.
 */
export function nodeStatementBytes(statement: NodeStatement): Uint8Array<ArrayBuffer> {
  const { timings, usage } = statement;
  return labelled('sparewatt receipt, node 2', {
    attempt: statement.attempt,
    epoch: statement.epoch,
    execution: namedExecution(statement.execution),
    job: statement.job,
    model: statement.model,
    nodeKey: statement.nodeKey,
    nonce: statement.nonce,
    requestHash: statement.requestHash,
    responseHash: statement.responseHash,
    service: statement.service,
    timings: { firstTokenMs: timings.firstTokenMs, totalMs: timings.totalMs },
    usage: { inputTokens: usage.inputTokens, outputTokens: usage.outputTokens },
  });
}

/** An execution without what another version may have added to it, in the order of the canonical form. */
export function namedExecution({ device, digest, dtype, revision, runtime }: Execution): Execution {
  return { device, digest, dtype, revision, runtime };
}

/** The node's part of a receipt; undefined when the receipt lacks its key or its times. */
export function nodeStatementOf(receipt: LoggedReceipt | Receipt): NodeStatement | undefined {
  const { node: nodeKey } = receipt.keys;
  const { reported: timings } = receipt.times;
  if (nodeKey === null || timings === null) return undefined;
  return { ...receipt, nodeKey, usage: receipt.usage.reported, timings };
}

/** What the relay signs: the whole receipt but for its own signature and for an attestation, which may come later. */
export function relayStatementBytes(receipt: UnsealedReceipt): Uint8Array<ArrayBuffer> {
  const { attestation: _, signatures, ...record } = receipt;
  const { node, verdict } = signatures;
  return labelled('sparewatt receipt, relay 2', { ...record, signatures: { node, verdict } });
}

/** A receipt that the relay has judged and not signed yet. */
export type UnsealedReceipt = Omit<Receipt, 'signatures'> & { signatures: Omit<Receipt['signatures'], 'relay'> };

const encoder = new TextEncoder();

function labelled(label: string, content: object): Uint8Array<ArrayBuffer> {
  return encoder.encode(`${label}\n${canonicalJson(content)}`);
}
