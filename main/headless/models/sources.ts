import { type ModelLock, parseModelLock } from '../../../shared/api/model-lock.ts';
import { Problem } from '../../../shared/problems/problem.ts';
import { readAtMost } from '../../../shared/protocol/read-body.ts';
import type { Digests } from './digests.ts';
import { type HubOptions, unreachableProblem } from './hub.ts';

export type SourceOptions = {
  /** The Hugging Face hub or a mirror of it; the hub itself when absent. */
  hubUrl?: string;
  hubToken?: string;
  /** The relay that the node goes to, which may mirror models. */
  relayUrl?: string;
  /** A fetch that believes the relay's own certificate authority, where it has one. */
  relayFetch?: typeof globalThis.fetch;
  /**
   * Where models may come from: `relay`, `hub` or a host, each alone or with an organisation (`hub/onnx-community`).
   * The relay and the hub when absent.
   */
  allowedSources?: readonly string[];
};

/** Where files come from, once it was asked whether it has the model. */
export type OpenSource = {
  hub: HubOptions;
  /** What the files must be, where the source says so. */
  lock: ModelLock | null;
  origin: string;
};

/** Asks nobody until it is opened, since a model that is whole needs no source. Errors: `model_not_found` and more. */
export type ModelSource = { open(): Promise<OpenSource> };

type Wanted = { id: string; revision: string; folder: string };

const HUB_URL = 'https://huggingface.co';
/** Where a relay serves what it mirrors, with the paths of the hub. */
const MIRROR_PATH = '/mirror/';
const DEFAULT_SOURCES: readonly string[] = ['relay', 'hub'];
/** A relay that is there answers at once. */
const LOCK_TIMEOUT_MS = 10_000;
const LOCK_MOST_BYTES = 1024 * 1024;

/** The sources to try for a model, in their order: the relay of the pool, then the hub. Never empty. */
export function sourcesFor(
  options: SourceOptions,
  wanted: Wanted,
  digests: Digests,
  signal: AbortSignal,
): ModelSource[] {
  const allowed = options.allowedSources ?? DEFAULT_SOURCES;
  const hubUrl = options.hubUrl ?? HUB_URL;
  const { relayUrl } = options;
  const sources: ModelSource[] = [];
  if (relayUrl !== undefined && isAllowed(allowed, 'relay', relayUrl, wanted.id)) {
    sources.push({ open: once(() => openRelay(options, relayUrl, wanted, digests, signal)) });
  }
  if (isAllowed(allowed, 'hub', hubUrl, wanted.id)) {
    const hub = { hubUrl, ...(options.hubToken === undefined ? {} : { token: options.hubToken }) };
    sources.push({ open: async () => ({ hub, lock: null, origin: new URL(hubUrl).origin }) });
  }
  if (sources.length === 0) sources.push({ open: async () => Promise.reject(refusedProblem(wanted.id, allowed)) });
  return sources;
}

/** Whether a model may come from the hub or relay at `url`. */
function isAllowed(allowed: readonly string[], name: 'hub' | 'relay', url: string, id: string): boolean {
  const places = [name, new URL(url).host];
  const organisation = id.includes('/') ? id.split('/')[0] : undefined;
  return allowed.some((entry) => {
    const [place = '', owner] = entry.split('/');
    return places.includes(place.toLowerCase()) && (owner === undefined || owner === organisation);
  });
}

function refusedProblem(id: string, allowed: readonly string[]): Problem {
  const list = allowed.length === 0 ? 'nothing' : allowed.join(', ');
  return new Problem(
    'model_source_refused',
    `'${id}' may not be downloaded: the setting model_sources of this node allows ${list}. ` +
      'Add its source there, or put the files of the model into the store yourself.',
  );
}

async function openRelay(
  options: SourceOptions,
  relayUrl: string,
  wanted: Wanted,
  digests: Digests,
  signal: AbortSignal,
): Promise<OpenSource> {
  const base = new URL(MIRROR_PATH, relayUrl);
  const hub: HubOptions = {
    hubUrl: base.href,
    // What it mirrors lies with it: a relay has no business sending a node about its owner's network.
    leadsElsewhere: false,
    ...(options.relayFetch === undefined ? {} : { fetch: options.relayFetch }),
  };
  const lock = await fetchLock(hub, base, wanted, signal);
  const isSame = Object.entries(digests.files).every(([name, { sha256 }]) => {
    const told = lock.files[name];
    return told === undefined || told.sha256 === sha256;
  });
  if (isSame) return { hub, lock, origin: base.origin };
  throw new Problem(
    'model_not_found',
    `${base.host} mirrors another revision of '${wanted.id}' than the one this node trusts. ` +
      `Remove the model from the node to take that of the relay.`,
    { param: 'model' },
  );
}

async function fetchLock(hub: HubOptions, base: URL, wanted: Wanted, signal: AbortSignal): Promise<ModelLock> {
  const path = [...wanted.id.split('/'), 'lock', wanted.revision].map(encodeURIComponent).join('/');
  const url = new URL(path, base);
  const text = await readText(hub, url, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    throw unreachableProblem(error, url, { model: wanted.id, folder: wanted.folder });
  });
  const lock = text === null ? null : parseLock(text);
  if (lock !== null && lock.model === wanted.id && lock.complete === true) return lock;
  throw new Problem('model_not_found', `${url.host} does not mirror '${wanted.id}' (revision ${wanted.revision}).`, {
    param: 'model',
  });
}

async function readText(hub: HubOptions, url: URL, signal: AbortSignal): Promise<string | null> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(LOCK_TIMEOUT_MS)]);
  const response = await (hub.fetch ?? globalThis.fetch)(url, { redirect: 'error', signal: limit });
  const bytes = await readAtMost(response.body, LOCK_MOST_BYTES);
  if (bytes === undefined) throw new Error(`the lock has more than ${LOCK_MOST_BYTES} bytes`);
  return response.ok ? Buffer.from(bytes).toString('utf8') : null;
}

function parseLock(text: string): ModelLock | null {
  try {
    return parseModelLock(JSON.parse(text));
  } catch {
    return null;
  }
}

function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
