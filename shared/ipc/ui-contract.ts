import { type Static, type TSchema, Type } from 'typebox';
import { Preferences } from '../preferences/preferences.ts';
import { PAUSE_LENGTHS } from '../preferences/wish.ts';
import { CapabilityDocument } from '../protocol/capabilities.ts';
import { AppState, GpuUse } from './app-state.ts';
import { LANGUAGES } from './language.ts';
import { LedgerDay, LedgerDeparture, LedgerJob, LedgerReceipt, PageRequest } from './ledger-views.ts';
import { ListedModel } from './listed-model.ts';
import { ModelOffer } from './model-size.ts';
import { GpuId, ToldBytes } from './told-memory.ts';
import type { UiCallName } from './ui-channels.ts';

const strict = { additionalProperties: false };
const Nothing = Type.Null();
const ModelName = Type.Object({ model: Type.String({ minLength: 1, maxLength: 256 }) }, strict);
const call = <Input extends TSchema, Output extends TSchema>(input: Input, output: Output) => ({ input, output });

/**
 * What the window may ask of the main process: one argument, one answer, both checked. A refusal crosses as a `Problem`
 * record (`answer.ts`), because Electron gives pages no more than the message of an error.
 */
export const UI_CALLS = {
  getState: call(Nothing, AppState),
  contribute: call(Nothing, AppState),
  pause: call(Type.Object({ for: Type.Enum(PAUSE_LENGTHS) }, strict), AppState),
  finishThenPause: call(Nothing, AppState),
  freeMemory: call(Nothing, AppState),
  getPreferences: call(Nothing, Preferences),
  setPreferences: call(Preferences, Preferences),
  pair: call(
    Type.Object(
      { invitation: Type.String({ maxLength: 1_024 }), relayUrl: Type.Optional(Type.String({ maxLength: 256 })) },
      strict,
    ),
    AppState,
  ),
  unpair: call(Nothing, AppState),
  answerQuestion: call(Type.Object({ id: Type.String({ maxLength: 64 }), allow: Type.Boolean() }, strict), AppState),
  setStartsAtLogin: call(Type.Object({ starts: Type.Boolean() }, strict), AppState),
  setLanguage: call(Type.Object({ language: Type.Enum(LANGUAGES) }, strict), AppState),
  listJobs: call(PageRequest, Type.Array(LedgerJob)),
  listReceipts: call(PageRequest, Type.Array(LedgerReceipt)),
  listDepartures: call(PageRequest, Type.Array(LedgerDeparture)),
  listDays: call(Type.Object({ days: Type.Integer({ minimum: 1, maximum: 400 }) }, strict), Type.Array(LedgerDay)),
  /** Answers when the test is over, at most half a minute later. */
  testMachine: call(Nothing, AppState),
  stopMachineTest: call(Nothing, AppState),
  listModels: call(Nothing, Type.Array(ListedModel)),
  /** What downloaded models take of the disk, and may take at most. */
  getDisk: call(
    Nothing,
    Type.Object({
      usedBytes: Type.Integer({ minimum: 0 }),
      quotaBytes: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]),
    }),
  ),
  /** What a download would bring and need; nothing of the model is fetched. */
  sizeModel: call(ModelName, ModelOffer),
  /** Begins a download, or goes on with one that was paused. */
  addModel: call(ModelName, AppState),
  /** What came stays on the disk. */
  pauseDownload: call(ModelName, AppState),
  /** Answers when what came is off the disk. */
  cancelDownload: call(ModelName, AppState),
  removeModel: call(ModelName, AppState),
  /** How full and busy the GPUs are now, of which the system tells it. */
  getGpuUse: call(Nothing, Type.Array(GpuUse)),
  /** How much memory a GPU has, where that is not found, or found wrongly; null goes back to what is found. */
  tellGpuMemory: call(Type.Object({ id: GpuId, memoryBytes: Type.Union([ToldBytes, Type.Null()]) }, strict), AppState),
  /** What the node tells its relay of itself now; null while it has none. */
  getCapabilities: call(Nothing, Type.Union([CapabilityDocument, Type.Null()])),
  readLog: call(
    Type.Object({ lines: Type.Integer({ minimum: 1, maximum: 1_000 }) }, strict),
    Type.Array(Type.String()),
  ),
  openLink: call(Type.Object({ url: Type.String({ maxLength: 8_192 }) }, strict), Type.Boolean()),
  /** Whether the app looks for updates by itself, every six hours. */
  setChecksForUpdates: call(Type.Object({ checks: Type.Boolean() }, strict), AppState),
  /** Looks once, because a person asks; answers when that is over. */
  checkForUpdates: call(Nothing, AppState),
  installUpdate: call(Nothing, AppState),
} as const satisfies Record<UiCallName, { input: TSchema; output: TSchema }>;

export type UiInput<Name extends UiCallName> = Static<(typeof UI_CALLS)[Name]['input']>;
export type UiOutput<Name extends UiCallName> = Static<(typeof UI_CALLS)[Name]['output']>;
