import type { AppState } from '../../../shared/ipc/app-state.ts';
import type { Preferences } from '../../../shared/preferences/preferences.ts';
import { gridOfHours, hoursOfGrid, type WeekGrid } from '../../../shared/preferences/week-grid.ts';
import { useSpeech } from '../locale.ts';
import { NumberField, Section, SwitchField } from './fields.tsx';
import { ProgramList } from './program-list.tsx';
import { WeekGridField } from './week-grid.tsx';

export type SectionProps = { document: Preferences; edit(document: Preferences): void };

export function ProfileSection({ document, edit }: SectionProps) {
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
              isOn={document.profiles[profile].contribute}
              onChange={(isOn) => set(profile, isOn)}
            />
            <NumberField place={`profiles.${profile}.slots`} label={words.slots} />
          </fieldset>
        ))}
      </div>
      <NumberField place="away_after_s" label={words.awayAfter} hint={words.awayAfterHint} />
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
  return (
    <Section title={words.title}>
      <SwitchField
        label={words.detect}
        hint={words.detectHint}
        isOn={games.detect}
        onChange={(detect) => edit({ ...document, games: { ...games, detect } })}
      />
      <ProgramList
        programs={games.programs}
        running={state.presence.programs}
        onChange={(programs) => edit({ ...document, games: { ...games, programs } })}
      />
      <NumberField place="other_gpu_load_percent" label={words.load} hint={words.loadHint} />
    </Section>
  );
}

const CARES = ['contribute_on_battery', 'contribute_when_hot', 'contribute_on_metered_network', 'keep_awake'] as const;

export function CareSection({ document, edit }: SectionProps) {
  const { texts } = useSpeech();
  const words = texts.preferences.care;
  return (
    <Section title={words.title}>
      {CARES.map((care) => (
        <SwitchField
          key={care}
          label={words[care]}
          hint={words[`${care}_hint`]}
          isOn={document[care]}
          onChange={(isOn) => edit({ ...document, [care]: isOn })}
        />
      ))}
    </Section>
  );
}
