import type { AppState } from '../../../shared/ipc/app-state.ts';
import { JOB_TYPES, type JobType } from '../../../shared/protocol/subjects.ts';
import { ask } from '../bridge.ts';
import { useSpeech } from '../locale.ts';
import { UpdateFields } from '../updates/update-fields.tsx';
import { NamesField, NumberField, Section, SwitchField } from './fields.tsx';
import { LoginField } from './login-field.tsx';
import type { SectionProps } from './work-sections.tsx';

export function AllowedSection({ document, edit }: SectionProps) {
  const { texts } = useSpeech();
  const words = texts.preferences.allowed;
  const { services } = document.policy;
  const denied = new Set<JobType>(services?.deny ?? []);
  const allowed = (type: JobType): boolean => !denied.has(type) && (services?.allow?.includes(type) ?? true);
  const set = (type: JobType, isOn: boolean): void => {
    const chosen = JOB_TYPES.filter((each) => (each === type ? isOn : allowed(each)));
    const { services: _, ...policy } = document.policy;
    const isAll = chosen.length === JOB_TYPES.length;
    edit({ ...document, policy: isAll ? policy : { ...policy, services: { allow: chosen } } });
  };
  return (
    <Section title={words.title}>
      <fieldset className="group">
        <legend>{words.services}</legend>
        <p className="hint">{words.servicesHint}</p>
        <div className="checks">
          {JOB_TYPES.map((type) => (
            <label key={type} className="check">
              <input type="checkbox" checked={allowed(type)} onChange={({ target }) => set(type, target.checked)} />
              {texts.services[type] ?? type}
            </label>
          ))}
        </div>
      </fieldset>
      <div className="pair-of">
        <NamesField place="policy.clients.allow" label={words.clientsAllow} hint={words.clientsHint} />
        <NamesField place="policy.clients.deny" label={words.clientsDeny} hint={words.clientsDenyHint} />
        <NamesField place="policy.models.allow" label={words.modelsAllow} hint={words.modelsHint} />
        <NamesField place="policy.models.deny" label={words.modelsDeny} hint={words.modelsDenyHint} />
      </div>
      <SwitchField
        label={words.supervised}
        hint={words.supervisedHint}
        isOn={document.supervised}
        onChange={(supervised) => edit({ ...document, supervised })}
      />
    </Section>
  );
}

export function LimitsSection() {
  const { texts } = useSpeech();
  const words = texts.preferences.limits;
  return (
    <Section title={words.title} hint={words.hint}>
      <div className="pair-of">
        <NumberField place="policy.sizes.output_tokens" label={words.outputTokens} hint={words.outputTokensHint} />
        <NumberField
          place="policy.sizes.input_characters"
          label={words.inputCharacters}
          hint={words.inputCharactersHint}
        />
        <NumberField place="policy.jobs_per_client" label={words.jobsPerClient} hint={words.jobsPerClientHint} />
        <NumberField place="unload_after_s" label={words.unload} hint={words.unloadHint} />
        <NumberField place="disk_quota_bytes" label={words.disk} hint={words.diskHint} />
      </div>
    </Section>
  );
}

/** What is no part of the document takes effect at once. */
export function AppSection({ state }: { state: AppState }) {
  const { texts } = useSpeech();
  const words = texts.preferences.app;
  const { startsAtLogin, relay } = state;
  return (
    <Section title={words.title} hint={words.hint}>
      <LoginField startsAtLogin={startsAtLogin} hint={words.loginHint} />
      <UpdateFields state={state} />
      {'relay' in relay && (
        <div className="row">
          <span>
            {words.paired} <code>{relay.relay}</code>
          </span>
          <button
            type="button"
            className="button"
            data-kind="danger"
            onClick={() => void ask('unpair').catch(() => undefined)}
          >
            {words.unpair}
          </button>
        </div>
      )}
    </Section>
  );
}
