import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { LANGUAGES } from '../../shared/ipc/language.ts';
import { GpuId, ToldBytes } from '../../shared/ipc/told-memory.ts';
import { DEFAULT_PREFERENCES, Preferences } from '../../shared/preferences/preferences.ts';
import { upgradePreferences } from '../../shared/preferences/upgrade-preferences.ts';
import { Wish } from '../../shared/preferences/wish.ts';
import { DeviceTrial, MachineTest } from '../../shared/protocol/capabilities.ts';

/** What the app remembers, but for secrets and the ledger. */
export const Settings = Type.Object(
  {
    version: Type.Literal(3),
    preferences: Preferences,
    wish: Wish,
    /** Whether the person has been told that closing the window does not quit. */
    toldOfTray: Type.Boolean(),
    /** Ids of the models that the person has added to those that ship. */
    models: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { maxItems: 200 })),
    /** What the last machine test found. */
    machineTest: Type.Optional(MachineTest),
    /** That the person has last seen the window in. */
    language: Type.Optional(Type.Enum(LANGUAGES)),
    /** Whether the person has said whether the app may look for updates by itself. */
    askedOfUpdates: Type.Optional(Type.Boolean()),
    /** How models did on GPU and processor. */
    deviceTrials: Type.Optional(
      Type.Record(Type.String({ maxLength: 2_048 }), Type.Array(DeviceTrial, { maxItems: 64 })),
    ),
    /** The most memory that models have taken here, in bytes, by model and device. */
    memoryPeaks: Type.Optional(
      Type.Record(Type.String({ maxLength: 1_024 }), Type.Integer({ minimum: 0 }), { maxProperties: 200 }),
    ),
    /** What the person says of the memory of GPUs, by the id that they are listed under. */
    gpuMemory: Type.Optional(Type.Record(GpuId, ToldBytes, { maxProperties: 64 })),
    /** Ids of those whose download the person has paused. */
    pausedModels: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { maxItems: 200 })),
    /** Choices that let anything leave or start by itself, with when they were made; what is not here was not chosen. */
    choices: Type.Object(
      {
        startsAtLogin: Type.Optional(Type.Integer({ minimum: 0 })),
        checksForUpdates: Type.Optional(Type.Integer({ minimum: 0 })),
      },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
);
export type Settings = Static<typeof Settings>;

/** A fresh profile starts nothing, sends nothing and contributes nothing before somebody has said so. */
export const FIRST_SETTINGS: Settings = {
  version: 3,
  preferences: DEFAULT_PREFERENCES,
  wish: { state: 'paused', until: null },
  toldOfTray: false,
  choices: {},
};

/** Each makes of a document of its version one of the next. Never edited once released. */
const MIGRATIONS: readonly ((document: Record<string, unknown>) => Record<string, unknown>)[] = [
  // 0: the store of a profile that nobody has written to.
  () => ({ ...FIRST_SETTINGS, version: 1, choices: undefined }),
  // 1: choices were not written down with their time, so that they are asked again.
  (document) => ({ ...document, version: 2, choices: {} }),
  // 2: preferences had no version of their own to go by here.
  (document) => ({ ...document, version: 3, preferences: upgradePreferences(document.preferences) }),
];

/** Reads what the store holds, of this version or an earlier one; undefined for what is neither. Pure. */
export function readSettings(stored: unknown): Settings | undefined {
  if (typeof stored !== 'object' || stored === null) return undefined;
  let document = { ...stored } as Record<string, unknown>;
  const version = document.version ?? (Object.keys(document).length === 0 ? 0 : undefined);
  if (typeof version !== 'number') return undefined;
  for (const migrate of MIGRATIONS.slice(version)) document = migrate(document);
  return Value.Check(Settings, document) ? document : undefined;
}

/** What the settings need of electron-store. */
export type SettingsFile = { readonly path: string; store: Record<string, unknown> };

export type SettingsKeeper = {
  get(): Settings;
  /** Throws what the disk says; the change counts all the same, and is written with the next. */
  change(changes: Partial<Omit<Settings, 'version'>>): void;
  /** The same for what the app notes by itself: a disk that does not take it ends nothing. */
  note(changes: Partial<Omit<Settings, 'version'>>): void;
};

/**
 * The settings in a store's file, written at each change. A document that cannot be read is kept beside the file by
 * `keepDamaged`, and the machine starts as a fresh one, paused: no guess at what its owner had allowed.
 */
export function openSettings(
  file: SettingsFile,
  keepDamaged: (path: string) => void,
  onUnkept: (error: unknown) => void = () => undefined,
): SettingsKeeper {
  const read = readSettings(file.store);
  if (read === undefined) keepDamaged(file.path);
  let settings = read ?? FIRST_SETTINGS;
  if (settings !== file.store) file.store = settings;
  const change: SettingsKeeper['change'] = (changes) => {
    settings = { ...settings, ...changes };
    file.store = settings;
  };
  return {
    get: () => settings,
    change,
    note: (changes) => {
      try {
        change(changes);
      } catch (error) {
        onUnkept(error);
      }
    },
  };
}
