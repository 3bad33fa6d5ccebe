import type { AppState } from '../../../shared/ipc/app-state.ts';
import type { Preferences } from '../../../shared/preferences/preferences.ts';
import { gridOfHours, hoursOfGrid, type WeekGrid } from '../../../shared/preferences/week-grid.ts';
import { useSpeech } from '../locale.ts';
import { detectsOf } from '../sensing.ts';
import { NumberField, Section, SwitchField } from './fields.tsx';
import { ProgramList } from './program-list.tsx';
import { WeekGridField } from './week-grid.tsx';

export type SectionProps = { document: Preferences; edit(document: Preferences): void };

export function ProfileSection({ document, edit, state }: SectionProps & { state: AppState }) {
  const { texts } = useSpeech();
  const words = texts.preferences.profiles;
  const set = (profile: 'here' | 'away', contribute: boolean): void => {
    const { profiles } = document;
    edit({ ...document, profiles: { ...profiles, [profile]: { ...profiles[profile], contribute } } });
  };
  return (
    <Section title={words.title}>
      <div className="pair-of">
        {(['here', 'away'] as const).map((profile) => (
          <fieldset key={profile} className="group">
            <legend>{words[profile]}</legend>
            <SwitchField
              label={words.contribute}
              hint={words.contributeHints[profile]}
              isOn={document.profiles[profile].contribute}
              onChange={(isOn) => set(profile, isOn)}
            />
            <NumberField place={`profiles.${profile}.slots`} label={words.slots} hint={words.slotsHint} />
            <NumberField place={`profiles.${profile}.duty_percent`} label={words.duty} hint={words.dutyHint} />
          </fieldset>
        ))}
      </div>
      <NumberField
        place="away_after_s"
        label={words.awayAfter}
        hint={state.unknown.includes('idle_s') ? words.awayAfterUnseen : words.awayAfterHint}
      />
    </Section>
  );
}

export function WeekSection({ document, edit }: SectionProps) {
  const { texts } = useSpeech();
  const words = texts.preferences.week;
  const { grid, isExact } = gridOfHours(document.policy.hours);
  const set = (next: WeekGrid): void => {
    const { hours: _, ...policy } = document.policy;
    const hours = hoursOfGrid(next);
    edit({ ...document, policy: hours === undefined ? policy : { ...policy, hours } });
  };
  return (
    <Section title={words.title} {...(isExact ? {} : { hint: words.inexact })}>
      <WeekGridField grid={grid} onChange={set} />
      <SwitchField
        label={words.finish}
        hint={words.finishHint}
        isOn={document.finish_at_schedule_end}
        onChange={(isOn) => edit({ ...document, finish_at_schedule_end: isOn })}
      />
    </Section>
  );
}

export function GamesSection({ document, edit, state }: SectionProps & { state: AppState }) {
  const { texts } = useSpeech();
  const words = texts.preferences.games;
  const { games } = document;
  const { unknown } = state;
  const detects = detectsOf(unknown);
  // There is no list to point to where no program is seen.
  const isBlind = detects === 'nothing' && unknown.includes('programs');
  return (
    <Section title={words.title}>
      <SwitchField
        label={words.detect}
        hint={isBlind ? texts.unseen(['game', 'full_screen']) : words.detectHints[detects]}
        isOn={games.detect}
        onChange={(detect) => edit({ ...document, games: { ...games, detect } })}
      />
      <ProgramList
        programs={games.programs}
        running={state.presence.programs}
        {...(unknown.includes('programs') ? { hint: texts.unseen(['programs']) } : {})}
        onChange={(programs) => edit({ ...document, games: { ...games, programs } })}
      />
      <NumberField
        place="other_gpu_load_percent"
        label={words.load}
        hint={unknown.includes('other_gpu_percent') ? texts.unseen(['other_gpu_percent']) : words.loadHint}
      />
    </Section>
  );
}

const CARES = ['contribute_on_battery', 'contribute_when_hot', 'contribute_on_metered_network', 'keep_awake'] as const;
/** What each is about, as the sensors name it. */
const SENSOR_OF: Readonly<Partial<Record<(typeof CARES)[number], string>>> = {
  contribute_on_battery: 'power',
  contribute_when_hot: 'heat',
  contribute_on_metered_network: 'metered',
};

export function CareSection({ document, edit, state }: SectionProps & { state: AppState }) {
  const { texts } = useSpeech();
  const words = texts.preferences.care;
  const hintOf = (care: (typeof CARES)[number]): string => {
    const sensor = SENSOR_OF[care];
    return sensor !== undefined && state.unknown.includes(sensor) ? texts.unseen([sensor]) : words[`${care}_hint`];
  };
  return (
    <Section title={words.title}>
      {CARES.map((care) => (
        <SwitchField
          key={care}
          label={words[care]}
          hint={hintOf(care)}
          isOn={document[care]}
          onChange={(isOn) => edit({ ...document, [care]: isOn })}
        />
      ))}
    </Section>
  );
}
