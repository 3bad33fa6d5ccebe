import { toProblem } from '../../shared/problems/problem.ts';
import { LIMITS } from '../../shared/protocol/limits.ts';
import { subjects } from '../../shared/protocol/subjects.ts';
import type { Bus } from '../fabric/bus/bus.ts';
import type { LiveNode, NodeTable } from '../fabric/nodes/node-table.ts';
import { InFlight } from '../in-flight.ts';

/** Finds the nodes that have stopped answering while they have work: frozen, or cut off without a word. */
export type NodePulse = {
  /** Watches a node for as long as an attempt runs on it; `onSilent` is called when it neither sends nor answers. */
  watch(node: LiveNode, onSilent: () => void): Watch;
};

export type Watch = {
  /** Something has come from the node. */
  heard(): void;
  /** It owed something and did not send it. */
  missed(): void;
  stop(): void;
};

export type NodePulsePorts = {
  bus: Bus;
  table: NodeTable;
  /** Milliseconds, monotonic. */
  clock?: () => number;
};

type Patient = { heardAt: number; readonly watchers: InFlight<() => void> };

/** How much later than necessary a node may be asked. */
const TICK_MS = 250;
/** A relay that was stopped itself for so long has no right to call others silent. */
const OWN_ABSENCE_MS = 1_000;

/**
 * Pings nodes that have work and say nothing (SPEC S12).
 *
 * Invariants: (1) at most one ping per node is under way; (2) a node is silent only after it sent nothing, neither frame
 * nor beat, for `silenceMs` and left a ping without an answer; (3) one that never answered a ping is of a version that
 * cannot, and is judged by its lease alone; (4) while the relay itself or the bus stood still, nobody is judged: all nodes
 * would fall silent at once, and their jobs would use up their attempts within a moment.
 */
export function createNodePulse({ bus, table, clock = () => performance.now() }: NodePulsePorts): NodePulse {
  const patients = new Map<LiveNode, Patient>();
  const asking = new WeakSet<LiveNode>();
  const answering = new WeakSet<LiveNode>();
  let timer: ReturnType<typeof setInterval> | undefined;
  let tickedAt = 0;

  const hear = (node: LiveNode, patient: Patient): void => {
    patient.heardAt = clock();
    if (node.isSilent) table.setSilent(node, false);
  };
  const ask = async (node: LiveNode, patient: Patient): Promise<void> => {
    const { heardAt } = patient;
    const beatAt = node.heardAt;
    const askedAt = clock();
    asking.add(node);
    try {
      await bus.request(subjects.ping(node.id), new Uint8Array(), LIMITS.acceptTimeoutMs);
      answering.add(node);
      table.timed(node.id, clock() - askedAt);
      hear(node, patient);
    } catch (error) {
      const hasSpoken = patient.heardAt !== heardAt || node.heardAt !== beatAt;
      const wasAbsent = clock() - tickedAt > OWN_ABSENCE_MS || bus.stalledWithin(LIMITS.acceptTimeoutMs);
      if (toProblem(error).code !== 'node_lost' || hasSpoken || wasAbsent) return;
      if (answering.has(node) && patients.get(node) === patient) fallSilent(node, patient);
    } finally {
      asking.delete(node);
    }
  };
  const fallSilent = (node: LiveNode, { watchers }: Patient): void => {
    table.setSilent(node, true);
    for (const tell of [...watchers]) tell();
  };
  const tick = (): void => {
    const now = clock();
    const wasAbsent = now - tickedAt > OWN_ABSENCE_MS;
    tickedAt = now;
    for (const [node, patient] of patients) {
      if (wasAbsent) patient.heardAt = now;
      else if (!asking.has(node) && now - patient.heardAt >= LIMITS.silenceMs) void ask(node, patient);
    }
  };
  const admit = (node: LiveNode): Patient => {
    const patient: Patient = { heardAt: clock(), watchers: new InFlight() };
    patients.set(node, patient);
    if (timer === undefined) {
      tickedAt = clock();
      timer = setInterval(tick, TICK_MS);
      timer.unref();
    }
    // Whether it can answer at all must be known before it matters; one that was frozen when it was asked is asked again.
    if (!answering.has(node) && !asking.has(node)) void ask(node, patient);
    return patient;
  };
  const dismiss = (node: LiveNode): void => {
    patients.delete(node);
    if (patients.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };

  return {
    watch: (node, onSilent) => {
      const patient = patients.get(node) ?? admit(node);
      const ticket = patient.watchers.add(onSilent);
      return {
        heard: () => hear(node, patient),
        missed: () => table.setSilent(node, true),
        stop: () => {
          patient.watchers.remove(ticket, onSilent);
          if (patient.watchers.size === 0 && patients.get(node) === patient) dismiss(node);
        },
      };
    },
  };
}
