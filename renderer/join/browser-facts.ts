import type { Hardware, Software } from '../../shared/agent/capability-document.ts';
import type { ComputeDevice } from '../inference/compute-device.ts';

/** Chromium's alone; other browsers say it in a text for people. */
type NavigatorFacts = Navigator & {
  deviceMemory?: number;
  userAgentData?: { brands: { brand: string; version: string }[]; platform: string };
};

const BYTES_PER_GIB = 2 ** 30;
const BROWSERS: [string, RegExp][] = [
  ['Firefox', /Firefox\/(\d+)/],
  ['Edge', /Edg\/(\d+)/],
  ['Chrome', /Chrom(?:e|ium)\/(\d+)/],
  ['Safari', /Version\/(\d+).*Safari/],
];
const SYSTEMS: [string, RegExp][] = [
  ['Android', /Android/],
  ['iOS', /iPhone|iPad/],
  ['Windows', /Windows/],
  ['macOS', /Mac OS X/],
  ['Linux', /Linux|X11/],
];

/** What a page is told of its machine: little, and of memory at most 8 GiB. */
export function describeHardware(compute: ComputeDevice): Hardware {
  const { hardwareConcurrency, deviceMemory } = navigator as NavigatorFacts;
  return {
    platform: 'browser',
    arch: 'wasm',
    cpu: '',
    cpu_threads: hardwareConcurrency,
    memory_bytes: Math.round((deviceMemory ?? 0) * BYTES_PER_GIB),
    gpus: null,
    webgpu: compute.webgpu,
  };
}

export function describeSoftware(): Software {
  return {
    os: systemName() ?? null,
    node: null,
    onnxruntime: null,
    transformers: null,
    browser: browserName() ?? null,
  };
}

/** A name that an owner recognises, such as `Chrome on Linux`. */
export function suggestedName(): string {
  const browser = browserName()?.replace(/ \d+$/, '') ?? 'Browser';
  const system = systemName();
  return system === undefined ? browser : `${browser} on ${system}`;
}

function browserName(): string | undefined {
  return firstMatch(BROWSERS, (name, version) => `${name} ${version}`);
}

function systemName(): string | undefined {
  return (navigator as NavigatorFacts).userAgentData?.platform || firstMatch(SYSTEMS, (name) => name);
}

function firstMatch(
  patterns: readonly [string, RegExp][],
  tell: (name: string, version: string) => string,
): string | undefined {
  for (const [name, pattern] of patterns) {
    const match = pattern.exec(navigator.userAgent);
    if (match !== null) return tell(name, match[1] ?? '');
  }
  return undefined;
}
