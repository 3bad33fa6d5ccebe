import type { TestContext } from 'node:test';
import { type ConnectionOptions, connect, ErrorCode, type Msg, type NatsConnection, NatsError } from 'nats.ws';
import { createNKey, type NKey } from '../../../relay/fabric/bus/nkey.ts';
import type { Relay } from '../../../relay/server.ts';
import type { PublicPolicy } from '../../../shared/policy/node-policy.ts';
import type { ProblemCode } from '../../../shared/problems/table.ts';
import { bytesToBase64Url, floatsToBase64 } from '../../../shared/protocol/base64.ts';
import {
  type CapabilityDocument,
  documentBytes,
  type Gpu,
  type ServedModel,
} from '../../../shared/protocol/capabilities.ts';
import { encodeJson } from '../../../shared/protocol/codec.ts';
import type { EnrollResponse } from '../../../shared/protocol/enrollment.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import type { CancelRequest, Heartbeat, JobRequest, OpenSession } from '../../../shared/protocol/messages.ts';
import { subjects } from '../../../shared/protocol/subjects.ts';
import { afterTest } from '../after-test.ts';
import { createInbox, type Inbox } from '../inbox.ts';
import { pretendedExecution, pretendedModel } from '../models/pretended-model.ts';
import { until } from '../until.ts';
import { authenticatorOf } from './node-identity.ts';

/** One request as it arrived, and the ways to answer it, right or wrong. */
export type ScriptedJob = {
  readonly request: JobRequest;
  readonly subject: string;
  readonly reply: string | undefined;
  /** The headers of the message; undefined when it had none. */
  readonly headers: Record<string, string[]> | undefined;
  /** Sends a frame with the right epoch and the next number, unless `frame` says otherwise. */
  send(frame: Record<string, unknown>): void;
  text(text: string, tokens?: number): void;
  done(more?: Record<string, unknown>): void;
  fail(code: ProblemCode, detail?: string): void;
  raw(bytes: Uint8Array | string): void;
};

/** A node without an agent: speaks the protocol by hand, and breaks it when a test wants that. */
export type ScriptedNode = {
  readonly nodeId: string;
  readonly key: NKey;
  readonly connection: NatsConnection;
  readonly offers: Inbox<OpenSession>;
  readonly jobs: Inbox<ScriptedJob>;
  readonly cancels: Inbox<CancelRequest>;
  /** How often the relay asked for the document. */
  readonly documentRequests: Inbox<Msg>;
  /** What the next beat and document say. */
  state: {
    instance: string;
    epoch: number;
    revision: number;
    slots: number;
    models: ServedModel[];
    policy?: PublicPolicy;
    gpus?: Gpu[];
  };
  document(): CapabilityDocument;
  beat(changes?: Partial<Heartbeat>): void;
  /** Publishes anything anywhere. */
  publish(subject: string, data: Uint8Array | string): void;
  /** What an offer is answered with, now or later; undefined is silence. By default: takes the epoch, sends the document. */
  answerOffer: (offer: OpenSession) => unknown;
  answerDocumentRequest: () => unknown;
  close(): Promise<void>;
};

export type ScriptedNodeOptions = { name?: string; models?: string[]; type?: ServedModel['type']; slots?: number };

/** Enrols at a real relay over HTTP and connects through its door with the credentials it got. */
export async function enrolScriptedNode(
  t: TestContext,
  relay: Relay,
  options: ScriptedNodeOptions & { key?: NKey } = {},
): Promise<ScriptedNode> {
  const key = options.key ?? createNKey('user');
  const { nodeId, jwt, busPath } = await enrol(relay.url, key.publicKey, options.name ?? 'scripted');
  const connection = await connectPatiently({
    servers: new URL(busPath, relay.url.replace('http:', 'ws:')).href,
    authenticator: authenticatorOf(jwt, key),
    inboxPrefix: subjects.inboxPrefix(nodeId),
    ignoreClusterUpdates: true,
    reconnect: false,
  });
  const node = scriptNode(connection, nodeId, key, options);
  afterTest(t, node.close);
  await connection.flush();
  return node;
}

/** A machine that is busy with other tests may miss the two seconds that the server gives for the first words. */
async function connectPatiently(options: ConnectionOptions): Promise<NatsConnection> {
  for (let tries = 1; ; tries++) {
    try {
      return await connect(options);
    } catch (error) {
      if (tries === 5 || !(error instanceof NatsError && error.code === ErrorCode.AuthenticationTimeout)) throw error;
    }
  }
}

/** Like `enrolScriptedNode`, and with its session open. */
export async function joinScriptedNode(
  t: TestContext,
  relay: Relay,
  options: ScriptedNodeOptions & { key?: NKey } = {},
): Promise<ScriptedNode> {
  const node = await enrolScriptedNode(t, relay, options);
  node.beat();
  await until(() => relay.nodes().includes(node.nodeId));
  return node;
}

export async function enrol(relayUrl: string, publicKey: string, name: string): Promise<EnrollResponse> {
  const response = await fetch(`${relayUrl}/v1/nodes/enroll`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ publicKey, name }),
  });
  if (!response.ok) throw new Error(`enrolment was refused: ${await response.text()}`);
  return (await response.json()) as EnrollResponse;
}

function scriptNode(
  connection: NatsConnection,
  nodeId: string,
  key: NKey,
  { models = [], type = 'llm', slots = 1 }: ScriptedNodeOptions = {},
): ScriptedNode {
  const node: ScriptedNode = {
    nodeId,
    key,
    connection,
    offers: createInbox(),
    jobs: createInbox(),
    cancels: createInbox(),
    documentRequests: createInbox(),
    state: {
      instance: crypto.randomUUID(),
      epoch: 0,
      revision: 1,
      slots,
      models: models.map((name) => pretendedModel(name, type)),
    },
    document: () => signDocument(documentOf(node), node.key),
    beat: (changes = {}) => {
      const { instance, epoch, revision } = node.state;
      const beat = { instance, epoch, revision, slots: { total: node.state.slots, used: 0 }, ...changes };
      connection.publish(subjects.heartbeat(nodeId), encodeJson(beat));
    },
    publish: (subject, data) => connection.publish(subject, data),
    answerOffer: (offer) => {
      node.state.epoch = offer.epoch;
      return node.document();
    },
    answerDocumentRequest: () => node.document(),
    close: () => connection.close(),
  };
  connection.subscribe(subjects.everythingForNode(nodeId), { callback: (_error, message) => hear(node, message) });
  return node;
}

function hear(node: ScriptedNode, message: Msg): void {
  const answer = (value: unknown): void => {
    if (value instanceof Promise) void value.then(answer);
    else if (value !== undefined) message.respond(encodeJson(value));
  };
  switch (message.subject) {
    case subjects.openSession(node.nodeId): {
      const offer = message.json<OpenSession>();
      node.offers.push(offer);
      answer(node.answerOffer(offer));
      break;
    }
    case subjects.capabilities(node.nodeId):
      node.documentRequests.push(message);
      answer(node.answerDocumentRequest());
      break;
    case subjects.ping(node.nodeId):
      message.respond();
      break;
    case subjects.cancelJob(node.nodeId):
      node.cancels.push(message.json<CancelRequest>());
      break;
    case subjects.sessionOpened(node.nodeId):
      break;
    default:
      node.jobs.push(scriptJob(message));
  }
}

export const SCRIPTED_END = {
  finishReason: 'stop',
  usage: { inputTokens: 1, outputTokens: 1 },
  timings: { firstTokenMs: 1, totalMs: 1 },
  execution: pretendedExecution('scripted'),
} as const;

/** A frame of vectors whose floats all have one value. */
export const vectorsFrame = (start: number, count: number, dimensions: number, floats: number, value = 1) => ({
  type: 'vectors',
  start,
  count,
  dimensions,
  data: floatsToBase64(new Float32Array(floats).fill(value)),
});

function scriptJob(message: Msg): ScriptedJob {
  const request = message.json<JobRequest>();
  let seq = 0;
  const job: ScriptedJob = {
    request,
    subject: message.subject,
    reply: message.reply,
    headers: message.headers && Object.fromEntries(message.headers),
    send: (frame) => {
      message.respond(encodeJson({ epoch: request.epoch, seq, ...frame }));
      if (frame.epoch === undefined) seq = (typeof frame.seq === 'number' ? frame.seq : seq) + 1;
    },
    text: (text, tokens = 1) => job.send({ type: 'text', text, tokens }),
    done: (more = {}) => job.send({ type: 'done', text: '', ...SCRIPTED_END, ...more }),
    fail: (code, detail = 'The scripted node fails.') => job.send({ type: 'error', problem: { code, detail } }),
    raw: (bytes) => void message.respond(typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes),
  };
  return job;
}

function documentOf({ nodeId, state }: ScriptedNode): CapabilityDocument {
  const serves = (type: ServedModel['type']): boolean => state.models.some((model) => model.type === type);
  return {
    node_id: nodeId,
    protocol: 1,
    version: '0.0.0-scripted',
    revision: state.revision,
    instance: state.instance,
    served_models: state.models,
    installed_count: state.models.length,
    capabilities: {
      llm: serves('llm'),
      embed: serves('embed'),
      stt: serves('stt'),
      tts: serves('tts'),
      ocr: serves('ocr'),
      image: serves('image'),
      providers: {},
    },
    ...(state.policy === undefined ? {} : { policy: state.policy }),
    node_load: { slots_total: state.slots, slots_used: 0 },
    issued_at: Date.now(),
    expires_at: Date.now() + LIMITS.documentLifetimeMs,
    hardware: {
      platform: 'test',
      arch: 'test',
      cpu: 'test',
      cpu_threads: 1,
      memory_bytes: 1,
      ...(state.gpus === undefined ? {} : { gpus: state.gpus }),
    },
  };
}

/** What a node does with its document before it shows it. */
export function signDocument(document: CapabilityDocument, key: NKey): CapabilityDocument {
  const { node_load, ...facts } = document;
  return { ...facts, signature: bytesToBase64Url(key.sign(documentBytes(document))), node_load };
}
