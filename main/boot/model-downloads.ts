import { join } from 'node:path';
import { originOf } from '../../shared/agent/relay-conversation.ts';
import { createModelDesk, type ModelDesk } from '../../shared/downloads/model-desk.ts';
import { readWanted } from '../../shared/downloads/wanted-model.ts';
import type { RelayLink } from '../../shared/ipc/app-state.ts';
import { Problem } from '../../shared/problems/problem.ts';
import { discardUnfinished } from '../headless/models/inventory.ts';
import { createRelayFetch } from '../headless/models/relay-fetch.ts';
import { relayPinsIn } from '../headless/relay-pins.ts';
import type { ChosenRuntime } from '../node/chosen-runtime.ts';
import type { DepartureCounter } from '../node/departures.ts';
import { dtypesForPage } from '../node/page-models.ts';
import type { DesktopHost, RelayFiles } from './desktop-host.ts';
import type { Storage } from './storage.ts';

export type ModelDownloadsParts = {
  link(): RelayLink;
  departures: DepartureCounter;
  runtime: ChosenRuntime;
  /** Whether this network costs its owner something that they do not want to spend; known from `sensed` on. */
  isDear(): boolean;
  sensed: Promise<void>;
  changed(): void;
};

/** The models that the person adds: each question for one is told to the ledger before anybody looks there for it. */
export function openModelDownloads(host: DesktopHost, storage: Storage, parts: ModelDownloadsParts): ModelDesk {
  const { settings, log, folder } = storage;
  const { departures, runtime } = parts;
  const cacheFolder = join(folder, 'models');
  const relayNow = (): RelayFiles | undefined => relayFiles(parts.link(), storage.boxes);
  const tellAsked = (id: string, relay: RelayFiles | undefined): void => {
    const to = relay === undefined ? 'the model hub' : new URL(relay.relayUrl).host;
    departures.note('model', to, Buffer.byteLength(id));
    // Whoever has just asked looks for it now.
    departures.flush();
  };
  const { modelSizer } = host;
  return createModelDesk({
    ...(modelSizer !== undefined && {
      measure: (id: string, signal: AbortSignal) => {
        const relay = relayNow();
        tellAsked(id, relay);
        return modelSizer(relay)(id, { signal, dtypes: dtypesForPage(runtime.report()) });
      },
    }),
    discard: (id) => discardUnfinished(cacheFolder, readWanted(id).id),
    install: (id, options) => {
      const relay = relayNow();
      let isTold = false;
      return host.modelInstaller({ cacheFolder, relay, log })(id, {
        ...options,
        dtypes: dtypesForPage(runtime.report()),
        onProgress: (progress) => {
          options.onProgress(progress);
          if (isTold) return;
          isTold = true;
          tellAsked(id, relay);
        },
      });
    },
    runtime,
    wanted: () => settings.get().models ?? [],
    keepWanted: (ids) => settings.change({ models: [...ids] }),
    paused: () => settings.get().pausedModels ?? [],
    keepPaused: (ids) => settings.change({ pausedModels: [...ids] }),
    quotaBytes: () => settings.get().preferences.disk_quota_bytes ?? undefined,
    refusal: () => {
      if (!parts.isDear()) return undefined;
      return new Problem('policy_refused', 'This network is metered. Allow it in Preferences, or wait for another.');
    },
    sensed: parts.sensed,
    now: host.now,
    onChange: parts.changed,
    log,
  });
}

function relayFiles(link: RelayLink, boxes: Storage['boxes']): RelayFiles | undefined {
  if (!('relay' in link)) return undefined;
  const { relay: relayUrl } = link;
  const pins = relayPinsIn(boxes.box('relay-pins'));
  return { relayUrl, relayFetch: createRelayFetch(relayUrl, () => pins.authority(originOf(relayUrl))) };
}
