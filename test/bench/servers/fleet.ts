import { setImmediate as nextTurn } from 'node:timers/promises';
import type { NatsConnection } from '@nats-io/transport-node';
import pino from 'pino';
import { ownedBus } from '../../../relay/fabric/bus/bus-address.ts';
import { openBusConnection } from '../../../relay/fabric/bus/bus-connection.ts';
import { readBusIdentity } from '../../../relay/fabric/bus/bus-identity.ts';
import { encodeJson } from '../../../shared/protocol/codec.ts';
import { LIMITS } from '../../../shared/protocol/limits.ts';
import type { Heartbeat, OpenSession } from '../../../shared/protocol/messages.ts';
import { subjects } from '../../../shared/protocol/subjects.ts';
import {
  createMembers,
  documentBytesOf,
  type FleetMember,
  instanceOf,
  REVISION,
  SLOTS,
  withLoad,
} from '../fleet-member.ts';
import { answerQuestions } from './answer-questions.ts';

// Many simulated nodes on one connection. Arguments: how many, the URL of the bus, the relay's data folder.
const [count = '', url = '', folder = ''] = process.argv.slice(2);
const TICK_MS = 50;
const SIGNED_PER_TURN = 50;

const members = createMembers(Number(count));
const numbers = new Map(members.map(({ nodeId }, number) => [nodeId, number]));
const epochs = new Uint32Array(members.length);
let used = 0;
let hasMoved = false;
let documents = await signAll();
let joining = 0;

const { fabric } = ownedBus(url, await readBusIdentity(folder));
const { connection } = await openBusConnection(fabric, 'fleet', pino({ level: 'silent' }));

/** In slices, because the nodes must go on beating meanwhile. */
async function signAll(): Promise<Uint8Array[]> {
  const signed: Uint8Array[] = [];
  for (const [number, member] of members.entries()) {
    if (number % SIGNED_PER_TURN === 0) await nextTurn();
    signed.push(documentBytesOf(member, number, used));
  }
  return signed;
}

function nodeOf(subject: string): number | undefined {
  return numbers.get(subject.split('.', 2)[1] ?? '');
}

function listen(subject: string, answer: (number: number, data: Uint8Array) => Uint8Array): void {
  connection.subscribe(subject, {
    callback: (_error, message) => {
      const number = nodeOf(message.subject);
      if (number !== undefined) message.respond(answer(number, message.data));
    },
  });
}

listen(subjects.openSession('*'), (number, data) => {
  const offer = JSON.parse(new TextDecoder().decode(data)) as OpenSession;
  epochs[number] = offer.epoch;
  return documents[number] ?? new Uint8Array();
});
listen(subjects.capabilities('*'), (number) => documents[number] ?? new Uint8Array());
listen(subjects.ping('*'), () => new Uint8Array());
connection.subscribe(subjects.discover, {
  callback: (_error, message) => {
    if (message.reply) answerDiscovery(connection, message.reply);
  },
});

function answerDiscovery(to: NatsConnection, reply: string): void {
  for (let number = 0; number < joining; number++) {
    if (epochs[number] === 0) continue;
    if (hasMoved) beat(number);
    to.publish(reply, documents[number]);
  }
  hasMoved = false;
}

function beat(number: number): void {
  const member = members[number];
  if (member === undefined) return;
  const slots = { total: SLOTS, used };
  const heartbeat: Heartbeat = { instance: instanceOf(number), epoch: epochs[number] ?? 0, revision: REVISION, slots };
  connection.publish(subjects.heartbeat(member.nodeId), encodeJson(heartbeat));
}

// Each node beats at its own moment, all of them evenly over the interval.
let nextToBeat = 0;
let dueBeats = 0;
let beats = 0;
let lastTick = performance.now();
const beating = setInterval(() => {
  const now = performance.now();
  dueBeats += (joining * (now - lastTick)) / LIMITS.heartbeatIntervalMs;
  lastTick = now;
  for (; dueBeats >= 1; dueBeats--) {
    beats += 1;
    beat(nextToBeat);
    nextToBeat = (nextToBeat + 1) % joining;
  }
}, TICK_MS);

answerQuestions(
  'ready',
  {
    members: (): FleetMember[] => members.map(({ nodeId, publicKey }) => ({ nodeId, publicKey })),
    /** The first so many nodes are there from now on. */
    join: async (upTo: number) => {
      for (; joining < upTo; joining++) beat(joining);
      await connection.flush();
    },
    /** Every node has another load from now on, which none has told in a beat. */
    change: () => {
      used = (used + 1) % SLOTS;
      hasMoved = true;
      documents = documents.map((document) => withLoad(document, used));
    },
    beats: () => beats,
    documentBytes: () => documents.reduce((sum, { length }) => sum + length, 0) / documents.length,
  },
  async () => {
    clearInterval(beating);
    await connection.close();
  },
);
