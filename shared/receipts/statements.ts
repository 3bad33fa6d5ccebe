import type { Execution, NodeTimings, Usage } from '../protocol/messages.ts';
import type { JobType } from '../protocol/subjects.ts';
import { canonicalJson } from './canonical-json.ts';
import type { Receipt } from './receipt.ts';

/** The registry's id of the service behind each type of job. */
export const SERVICE_OF_JOB_TYPE: Readonly<Record<JobType, string>> = {
  llm: 'llm/inference',
  embed: 'embed/text',
  stt: 'capability/stt',
  tts: 'capability/tts',
  ocr: 'capability/ocr',
  image: 'capability/image',
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

/** What the node signs. Its first line keeps it apart from everything else that is ever signed with the same key. */
export function nodeStatementBytes(statement: NodeStatement): Uint8Array<ArrayBuffer> {
  const { job, attempt, nonce, epoch, service, model, requestHash, responseHash, nodeKey } = statement;
  const { execution, usage, timings } = statement;
  return labelled('sparewatt receipt, node 2', {
    ...{ job, attempt, nonce, epoch, service, model, requestHash, responseHash, nodeKey },
    ...{ execution, usage, timings },
  });
}

/** The node's part of a receipt; undefined when the receipt lacks its key or its times. */
export function nodeStatementOf(receipt: Omit<Receipt, 'signatures'>): NodeStatement | undefined {
  const { node: nodeKey } = receipt.keys;
  const { reported: timings } = receipt.times;
  if (nodeKey === null || timings === null) return undefined;
  return { ...receipt, nodeKey, usage: receipt.usage.reported, timings };
}

/** What the relay signs: the whole receipt with the node's signature, or with `null` where there is none. */
export function relayStatementBytes(receipt: UnsealedReceipt): Uint8Array<ArrayBuffer> {
  const { signatures, ...record } = receipt;
  return labelled('sparewatt receipt, relay 2', { ...record, signatures: { node: signatures.node } });
}

/** A receipt that the relay has not signed yet. */
export type UnsealedReceipt = Omit<Receipt, 'signatures'> & { signatures: { node: string | null } };

function labelled(label: string, content: object): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${label}\n${canonicalJson(content)}`);
}
