import type { NKey } from '../../relay/fabric/bus/nkey.ts';
import { buildCapabilityDocument, type DocumentParts } from '../../shared/agent/capability-document.ts';
import { nodeIdOf } from '../../shared/identity/node-id.ts';
import { createOwnerPolicy } from '../../shared/policy/owner-policy.ts';
import type { CapabilityDocument, ServedModel } from '../../shared/protocol/capabilities.ts';
import { encodeJson } from '../../shared/protocol/codec.ts';
import { createFastKey } from '../support/fast-key.ts';
import { signDocument } from '../support/nodes/scripted-node.ts';

/** A node that is only simulated, as the relay must know it. */
export type FleetMember = { nodeId: string; publicKey: string };

/** A key for each, so that every signature is a real one. */
export type KeyedMember = FleetMember & { key: NKey };

export function createMembers(count: number): KeyedMember[] {
  return Array.from({ length: count }, (_, number) => {
    const key = createFastKey();
    return { nodeId: nodeIdOf(`node-${number}`, key.publicKey), publicKey: key.publicKey, key };
  });
}

export const SLOTS = 4;
export const REVISION = 1;
const GPUS = ['NVIDIA GeForce RTX 3060', 'NVIDIA GeForce RTX 4090', 'AMD Radeon RX 7900 XTX', 'Apple M3 Max'];
const CPUS = ['AMD Ryzen 7 5800X 8-Core Processor', '13th Gen Intel(R) Core(TM) i7-13700K', 'Apple M3 Max'];
const POLICY = createOwnerPolicy({ now: Date.now }).shown();
const MODELS = [
  'onnx-community/Qwen3-0.6B',
  'HuggingFaceTB/SmolLM2-1.7B',
  'onnx-community/Llama-3.2-3B',
  'Xenova/bge-m3',
];

/** What a node of people's homes would say of itself: machines of a few kinds, speeds of their own. */
export function documentBytesOf(member: KeyedMember, number: number, used: number): Uint8Array {
  const parts: DocumentParts = {
    nodeId: member.nodeId,
    version: '0.1.0',
    revision: REVISION,
    instance: instanceOf(number),
    models: [modelOf(number, 'llm'), modelOf(number + 1, 'llm'), modelOf(3, 'embed')],
    slots: { total: SLOTS, used: () => used, tryTake: () => undefined },
    hardware: hardwareOf(number),
    software: { os: 'Linux 6.8.0', node: '24.21.0', onnxruntime: '1.24.0', transformers: '4.3.1' },
    tools: { ffmpeg: true, tesseract: number % 2 === 0, 'whisper-cli': false },
    policy: POLICY,
    issuedAt: Date.now(),
  };
  const document: CapabilityDocument = buildCapabilityDocument(parts);
  return encodeJson(signDocument(document, member.key));
}

/** The same document with the load of now, which no signature covers and which stands last. */
export function withLoad(document: Uint8Array, used: number): Uint8Array {
  const text = Buffer.from(document);
  const head = text.subarray(0, text.lastIndexOf(',"node_load":'));
  const load = { slots_total: SLOTS, slots_used: used, in_use: { 'onnx-community/Qwen3-0.6B': used } };
  return Buffer.concat([head, Buffer.from(`,"node_load":${JSON.stringify(load)}}`)]);
}

export function instanceOf(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
}

function modelOf(number: number, type: ServedModel['type']): ServedModel {
  return {
    name: MODELS[number % MODELS.length] ?? '',
    type,
    state: 'warm',
    revision: '3f2a9c0d5b7e41f8a6c2d90e1b4f7a8c5d3e2f10',
    dtype: 'q8',
    device: 'cpu',
    size_bytes: 1_234_567_890,
    context_length: 32_768,
    license: 'apache-2.0',
    measured: { tokens_per_s: 20 + (number % 977) / 7, load_ms: 1_500 + (number % 613), samples: 3 + (number % 40) },
  };
}

function hardwareOf(number: number): CapabilityDocument['hardware'] {
  const gpu = GPUS[number % GPUS.length] ?? '';
  return {
    platform: 'linux',
    arch: 'x64',
    cpu: CPUS[number % CPUS.length] ?? '',
    cpu_threads: 16,
    memory_bytes: 2 ** 30 * (16 << (number % 3)),
    gpus: [{ name: gpu, vendor: gpu.split(' ', 1)[0] ?? null, vram_bytes: 2 ** 30 * 12, driver: '570.86.15' }],
  };
}
