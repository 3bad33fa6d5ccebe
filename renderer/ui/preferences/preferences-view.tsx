import { type FormEvent, useEffect, useMemo, useRef, useState } from 'react';
import type { AppState } from '../../../shared/ipc/app-state.ts';
import type { Preferences } from '../../../shared/preferences/preferences.ts';
import { ask, type Refusal, refusalOf, useAnswer } from '../bridge.ts';
import { useSpeech } from '../locale.ts';
import { AllowedSection, AppSection, LimitsSection } from './allowed-sections.tsx';
import { type Draft, draftOf, type Faults, fieldOf, readDraft } from './draft.ts';
import { FormContext } from './fields.tsx';
import { CareSection, GamesSection, ProfileSection, WeekSection } from './work-sections.tsx';

/** What was changed and not saved yet; it outlives a look at another view, and ends with the page. */
export type UnsavedDraft = { current: Draft | undefined };

export function PreferencesView({ state, unsaved }: { state: AppState; unsaved: UnsavedDraft }) {
  const { texts } = useSpeech();
  const kept = useAnswer(() => ask('getPreferences'), '');
  return (
    <>
      <h1>{texts.views.preferences}</h1>
      {kept !== undefined && <PreferencesForm state={state} first={kept} unsaved={unsaved} />}
    </>
  );
}

/** One document, saved as a whole or not at all. */
function PreferencesForm({ state, first, unsaved }: { state: AppState; first: Preferences; unsaved: UnsavedDraft }) {
  const { texts } = useSpeech();
  const { draft, faults, refusal, isChanged, isSaved, change, save, discard, form } = useDraft(first, unsaved);
  const edit = (document: Preferences): void => change({ ...draft, document });
  const section = { document: draft.document, edit };
  const context = useMemo(() => ({ draft, faults, change }), [draft, faults, change]);
  return (
    <FormContext value={context}>
      <form ref={form} className="sections" onSubmit={save} noValidate>
        <ProfileSection {...section} state={state} />
        <WeekSection {...section} />
        <GamesSection {...section} state={state} />
        <CareSection {...section} state={state} />
        <AllowedSection {...section} />
        <LimitsSection />
        <AppSection state={state} />
        <div className="save-bar" data-changed={isChanged}>
          <p role="status">
            {refusal !== undefined && texts.problem(refusal)}
            {refusal === undefined && Object.keys(faults).length > 0 && texts.preferences.wrong}
            {refusal === undefined && Object.keys(faults).length === 0 && isSaved && texts.preferences.saved}
          </p>
          <button type="button" className="button" disabled={!isChanged} onClick={discard}>
            {texts.preferences.discard}
          </button>
          <button type="submit" className="button" data-kind="primary" disabled={!isChanged}>
            {texts.preferences.save}
          </button>
        </div>
      </form>
    </FormContext>
  );
}

function useDraft(first: Preferences, unsaved: UnsavedDraft) {
  const [kept, setKept] = useState(first);
  const [draft, setDraft] = useState(() => restored(unsaved.current, first));
  const [faults, setFaults] = useState<Faults>({});
  const [refusal, setRefusal] = useState<Refusal>();
  const [isSaved, setSaved] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (Object.keys(faults).length > 0) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [faults]);
  const isChanged = JSON.stringify(draft) !== JSON.stringify(draftOf(kept));
  const latest = useRef(draft);
  latest.current = draft;
  const change = (next: Draft): void => {
    unsaved.current = next;
    setDraft(next);
    setSaved(false);
  };
  const take = (preferences: Preferences): void => {
    unsaved.current = undefined;
    setDraft(draftOf(preferences));
    setFaults({});
    setRefusal(undefined);
  };
  const refused = (error: unknown): void => {
    const said = refusalOf(error);
    // A place that is known is said at its field; the rest at the buttons.
    if (said.param === undefined) setRefusal(said);
    else setFaults({ [fieldOf(said.param)]: 'not_accepted' });
  };
  const save = (event: FormEvent): void => {
    event.preventDefault();
    const read = readDraft(draft);
    if ('faults' in read) {
      setFaults(read.faults);
      return;
    }
    ask('setPreferences', read.preferences).then((saved) => {
      setKept(saved);
      // What was changed while it was saved is not saved yet.
      if (latest.current !== draft) return;
      take(saved);
      setSaved(true);
    }, refused);
  };
  return { draft, faults, refusal, isChanged, isSaved, change, save, discard: () => take(kept), form };
}

/** What this form does not show may have been changed elsewhere meanwhile. */
function restored(unsaved: Draft | undefined, first: Preferences): Draft {
  if (unsaved === undefined) return draftOf(first);
  return { ...unsaved, document: { ...unsaved.document, gpus: first.gpus } };
}
