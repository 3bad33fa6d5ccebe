import { fitsAny, objectionTo } from '../../shared/policy/decide.ts';
import type { ServedModel } from '../../shared/protocol/capabilities.ts';
import type { JobType } from '../../shared/protocol/subjects.ts';
import { isJobType } from '../../shared/registry/read-service.ts';
import type { ServiceDefinition } from '../../shared/registry/service.ts';
import { hasFreeSlot, isOpenToJobs } from '../fabric/nodes/free-nodes.ts';
import type { LiveNode } from '../fabric/nodes/node-table.ts';
import { closingOf } from '../scheduler/filters.ts';

/** Which live nodes could run a service now, and what keeps the others from it. */
export type Availability = {
  /** Whether this version of the relay can hand such work to a node at all. */
  readonly runnable: boolean;
  /** Open to jobs, with everything the service needs. */
  readonly nodes: number;
  /** Those of them with a free slot. */
  readonly free: number;
  /** Requirements, in words, that no live node meets; empty where some could run it. */
  readonly missing: readonly string[];
};

type Need = { readonly words: string; readonly isMet: (node: LiveNode) => boolean };

/** Sorts the nodes once, so that a list of services does not look at each of ten thousand nodes for each of them. */
export function createAvailability(live: readonly LiveNode[]): (service: ServiceDefinition) => Availability {
  const open = live.filter((node) => isOpenToJobs(node) && !node.isSilent && closingOf(node) === undefined);
  const byCapability = new Map<JobType, { nodes: LiveNode[]; free: number }>();
  const offering = (type: JobType): { nodes: LiveNode[]; free: number } => {
    const known = byCapability.get(type);
    if (known !== undefined) return known;
    const nodes = open.filter((node) => offers(node, type));
    const entry = { nodes, free: nodes.filter(hasFreeSlot).length };
    byCapability.set(type, entry);
    return entry;
  };
  return (service) => {
    const { type } = service.runtime;
    if (!isJobType(type)) return { runnable: false, nodes: 0, free: 0, missing: [runtimeInWords(type)] };
    const candidates = offering(type);
    const needs = needsOf(service);
    const able = needs.length === 0 ? candidates.nodes : candidates.nodes.filter((node) => meetsAll(node, needs));
    const free = able === candidates.nodes ? candidates.free : able.filter(hasFreeSlot).length;
    if (able.length > 0) return { runnable: true, nodes: able.length, free, missing: [] };
    return { runnable: true, nodes: 0, free: 0, missing: missingOf(service, candidates.nodes, needs) };
  };
}

/** Whether a node has all that a service needs beside the type of job, however busy it is. */
export function meetsNeeds(node: LiveNode, service: ServiceDefinition): boolean {
  return meetsAll(node, needsOf(service));
}

/** Whether the needs go beyond the type of job, so that not every node that serves a model will do. */
export function isParticular({ requirements: { tools, memory_bytes, gpu_memory_bytes } }: ServiceDefinition): boolean {
  return tools !== undefined || memory_bytes !== undefined || gpu_memory_bytes !== undefined;
}

/** Whether a model does for the service. */
export function isModelFor({ requirements: { models } }: ServiceDefinition, model: string): boolean {
  return models === undefined || fitsAny(model, models);
}

/** The first need that no node meets stands for all: the others may be met by nodes that lack this one. */
function missingOf(service: ServiceDefinition, nodes: readonly LiveNode[], needs: readonly Need[]): string[] {
  if (nodes.length === 0) return [capabilityInWords(service.runtime.type), ...needs.map(({ words }) => words)];
  const unmet = needs.filter(({ isMet }) => !nodes.some(isMet)).map(({ words }) => words);
  return unmet.length > 0 ? unmet : [`${needs.map(({ words }) => words).join(' and ')} on one node`];
}

/** Whether its owner lets it run some model of that type, whoever asks. */
function offers({ document: { capabilities, served_models, policy } }: LiveNode, type: JobType): boolean {
  if (capabilities[type] !== true) return false;
  const whoever: Parameters<typeof objectionTo>[1] = {};
  if (policy?.services !== undefined) whoever.services = policy.services;
  if (policy?.models !== undefined) whoever.models = policy.models;
  const isAllowed = ({ name }: ServedModel): boolean =>
    objectionTo({ type, model: name, client: '', size: NO_SIZE }, whoever) === undefined;
  return served_models.some((model) => model.type === type && isAllowed(model));
}

const NO_SIZE = { inputCharacters: 0, inputBytes: 0, inputs: 0, outputTokens: null };

function meetsAll(node: LiveNode, needs: readonly Need[]): boolean {
  return needs.every(({ isMet }) => isMet(node));
}

/** What is not known of a node counts as not there. */
function needsOf({ requirements, runtime: { type } }: ServiceDefinition): Need[] {
  const { models, tools = [], memory_bytes: memory, gpu_memory_bytes: vram } = requirements;
  const needs: Need[] = tools.map((tool) => ({
    words: `the program ${tool}`,
    isMet: ({ document }) => document.tools?.[tool] === true,
  }));
  if (models !== undefined) {
    needs.push({
      words: `a model named ${models.join(' or ')}`,
      isMet: ({ document }) =>
        document.served_models.some((model) => model.type === type && fitsAny(model.name, models)),
    });
  }
  if (memory !== undefined) {
    const isMet = ({ document: { hardware } }: LiveNode): boolean => hardware.memory_bytes >= memory;
    needs.push({ words: `${gibibytes(memory)} of memory`, isMet });
  }
  if (vram !== undefined) {
    const isMet = ({ document: { hardware } }: LiveNode): boolean =>
      (hardware.gpus ?? []).some(({ vram_bytes }) => vram_bytes !== null && vram_bytes >= vram);
    needs.push({ words: `a GPU with ${gibibytes(vram)} of memory`, isMet });
  }
  return needs;
}

function capabilityInWords(type: string): string {
  return `the capability "${type}"`;
}

function runtimeInWords(type: string): string {
  return `the runtime "${type}", which no node of this version has`;
}

function gibibytes(bytes: number): string {
  return `${Math.round((bytes / 2 ** 30) * 10) / 10} GiB`;
}
