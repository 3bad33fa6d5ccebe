import type { IpcAnswer } from './answer.ts';
import type { AppState } from './app-state.ts';
import type { UiInput, UiOutput } from './ui-contract.ts';

/** Names alone, so that the preload carries no validator. */
export const UI_CALL_NAMES = [
  'getState',
  'contribute',
  'pause',
  'finishThenPause',
  'freeMemory',
  'getPreferences',
  'setPreferences',
  'pair',
  'unpair',
  'answerQuestion',
  'setStartsAtLogin',
  'setLanguage',
  'listJobs',
  'listReceipts',
  'listDepartures',
  'listDays',
  'testMachine',
  'stopMachineTest',
  'listModels',
  'getDisk',
  'getGpuUse',
  'tellGpuMemory',
  'sizeModel',
  'addModel',
  'pauseDownload',
  'cancelDownload',
  'removeModel',
  'getCapabilities',
  'readLog',
  'openLink',
  'setChecksForUpdates',
  'checkForUpdates',
  'installUpdate',
] as const;
export type UiCallName = (typeof UI_CALL_NAMES)[number];

export const uiChannel = (name: UiCallName): string => `ui:${name}`;
/** Main tells the page the whole state at each change. */
export const UI_STATE_CHANNEL = 'ui:state';

/** What the window's page has, as `window.sparewatt`. Answers are taken apart with `takeAnswer` of `answer.ts`. */
export type UiBridge = {
  readonly [Name in UiCallName]: UiInput<Name> extends null
    ? () => Promise<IpcAnswer<UiOutput<Name>>>
    : (input: UiInput<Name>) => Promise<IpcAnswer<UiOutput<Name>>>;
} & {
  /** Returns how to stop listening. */
  onState(listener: (state: AppState) => void): () => void;
};
