import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { NodePolicy } from '../policy/node-policy.ts';
import { Problem } from '../problems/problem.ts';
import { upgradePreferences } from './upgrade-preferences.ts';

const strict = { additionalProperties: false };

/** What a machine may give while its person sits at it, or is away. */
const Profile = Type.Object(
  {
    contribute: Type.Boolean(),
    /** Jobs at a time. */
    slots: Type.Integer({ minimum: 1, maximum: 64 }),
    /** How much of the time models may compute; the rest is spread in short pauses between their steps. */
    duty_percent: Type.Integer({ minimum: 10, maximum: 100 }),
  },
  strict,
);
export type Profile = Static<typeof Profile>;

/** The name of a program's file as the system shows it, such as `eldenring.exe`; never a path. */
const Program = Type.String({ minLength: 1, maxLength: 128, pattern: '^[^/\\\\]+$' });

const GpuPreference = Type.Object(
  {
    enabled: Type.Boolean(),
    /** Most memory that models may take of it; null is all of it. */
    memory_bytes: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]),
  },
  strict,
);
export type GpuPreference = Static<typeof GpuPreference>;

/** Of the document; a later one is read by nobody who does not know it. */
export const PREFERENCES_VERSION = 2;

/**
 * All that the owner of a machine wants of it, as one document of plain data. `policy` is the part that the node enforces
 * job by job and the relay is shown (SPEC, O); its `hours` are the week that the window paints. The rest says when the
 * whole machine yields to its owner.
 */
export const Preferences = Type.Object(
  {
    version: Type.Literal(PREFERENCES_VERSION),
    policy: Type.Omit(NodePolicy, ['paused', 'finish_running'], strict),
    profiles: Type.Object({ here: Profile, away: Profile }, strict),
    /** Without keyboard and mouse for this long, the person is away. */
    away_after_s: Type.Integer({ minimum: 30, maximum: 24 * 3_600 }),
    games: Type.Object(
      {
        /** Yields to whatever fills the screen, and to games that say that they are. */
        detect: Type.Boolean(),
        /** Yields while one of these runs. */
        programs: Type.Array(Program, { maxItems: 200 }),
      },
      strict,
    ),
    /** How busy others may keep the GPU before the machine yields to them; null does not ask. */
    other_gpu_load_percent: Type.Union([Type.Integer({ minimum: 5, maximum: 100 }), Type.Null()]),
    contribute_on_battery: Type.Boolean(),
    contribute_when_hot: Type.Boolean(),
    contribute_on_metered_network: Type.Boolean(),
    /** Whether what runs when the schedule ends may end in peace. All other reasons hand it back. */
    finish_at_schedule_end: Type.Boolean(),
    /** By the id that the machine's GPUs are listed under; what is not named is enabled and without a cap. */
    gpus: Type.Record(Type.String({ minLength: 1, maxLength: 128 }), GpuPreference, { maxProperties: 64 }),
    /** A model that nobody has asked for so long leaves the memory; null never does. */
    unload_after_s: Type.Union([Type.Integer({ minimum: 30, maximum: 7 * 24 * 3_600 }), Type.Null()]),
    /** For models on disk; null is without limit. */
    disk_quota_bytes: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]),
    /** Each job waits for a person at this machine to allow it. */
    supervised: Type.Boolean(),
    /** Keeps the machine from sleeping while a job runs, never otherwise and never on battery. */
    keep_awake: Type.Boolean(),
  },
  strict,
);
export type Preferences = Static<typeof Preferences>;

/** What an owner has who has not said anything: first the owner, then the pool. */
export const DEFAULT_PREFERENCES: Preferences = {
  version: PREFERENCES_VERSION,
  policy: {},
  profiles: {
    here: { contribute: true, slots: 1, duty_percent: 100 },
    away: { contribute: true, slots: 2, duty_percent: 100 },
  },
  away_after_s: 300,
  games: { detect: true, programs: [] },
  other_gpu_load_percent: 30,
  contribute_on_battery: false,
  contribute_when_hot: false,
  contribute_on_metered_network: false,
  finish_at_schedule_end: true,
  gpus: {},
  unload_after_s: 900,
  disk_quota_bytes: null,
  supervised: false,
  keep_awake: true,
};

/** Reads preferences of this version or an earlier one from anywhere. Errors: `invalid_setting` with the place, never with a value. */
export function parsePreferences(read: unknown): Preferences {
  const value = upgradePreferences(read);
  if (Value.Check(Preferences, value)) return value;
  const [first] = Value.Errors(Preferences, value);
  const place = first?.instancePath.slice(1).replaceAll('/', '.') || 'the document';
  throw new Problem('invalid_setting', `The preferences are wrong at ${place}.`, { param: place });
}

/** After how long without a job a model leaves the memory; null never. */
export function idleMsOf({ unload_after_s }: Pick<Preferences, 'unload_after_s'>): number | null {
  return unload_after_s === null ? null : unload_after_s * 1_000;
}

export function gpuPreference(preferences: Pick<Preferences, 'gpus'>, id: string): GpuPreference {
  const known = Object.hasOwn(preferences.gpus, id) ? preferences.gpus[id] : undefined;
  return known ?? { enabled: true, memory_bytes: null };
}
