import { type ReactNode, useEffect, useRef, useSyncExternalStore } from 'react';
import type { AppState } from '../../shared/ipc/app-state.ts';
import type { Locale } from '../language/locales.ts';
import { useLocale } from '../language/use-locale.ts';
import { ask, type StateStore } from './bridge.ts';
import { ContributionsView } from './contributions/contributions-view.tsx';
import { FirstRun } from './first-run/first-run.tsx';
import { isSetUp } from './first-run/set-up.ts';
import { HomeView } from './home/home-view.tsx';
import { QuestionsCard } from './home/questions-card.tsx';
import { statusOf } from './home/status.ts';
import { LedgerView } from './ledger/ledger-view.tsx';
import { SpeechContext, speechOf, useSpeech } from './locale.ts';
import { LogsView } from './logs/logs-view.tsx';
import { MachineView } from './machine/machine-view.tsx';
import { ModelsView } from './machine/models-view.tsx';
import { PreferencesView, type UnsavedDraft } from './preferences/preferences-view.tsx';
import { goTo, useView, VIEWS, type View } from './routes.ts';
import { SideBar } from './side-bar.tsx';

export function App({ store }: { store: StateStore }) {
  const state = useSyncExternalStore(store.onChange, store.state);
  const [locale, setLocale] = useLocale();
  useEffect(() => {
    // Tray and dialogs speak it too.
    ask('setLanguage', { language: locale }).catch(() => undefined);
  }, [locale]);
  if (state === undefined) return null;
  return (
    <SpeechContext value={speechOf(locale)}>
      <Window state={state} onLocale={setLocale} />
    </SpeechContext>
  );
}

function Window({ state, onLocale }: { state: AppState; onLocale(locale: Locale): void }) {
  const { texts } = useSpeech();
  const view = useView();
  useFirstRun(state);
  const unsaved = useRef<UnsavedDraft['current']>(undefined);
  const { title } = statusOf(state, texts);
  useEffect(() => {
    document.title = `${title} · Sparewatt`;
  }, [title]);
  return (
    <div className="window">
      <a className="skip" href={`#/${view}`} onClick={focusMain}>
        {texts.skipToContent}
      </a>
      <SideBar state={state} view={view} onLocale={onLocale} />
      <Main view={view}>
        {view !== 'home' && <QuestionsCard questions={state.questions} />}
        {contentOf(view, state, unsaved)}
      </Main>
    </div>
  );
}

function contentOf(view: View, state: AppState, unsaved: UnsavedDraft): ReactNode {
  switch (view) {
    case 'setup':
      return <FirstRun state={state} />;
    case 'contributions':
      return <ContributionsView state={state} />;
    case 'models':
      return <ModelsView state={state} />;
    case 'machine':
      return <MachineView state={state} />;
    case 'ledger':
      return <LedgerView />;
    case 'logs':
      return <LogsView state={state} />;
    case 'preferences':
      return <PreferencesView state={state} unsaved={unsaved} />;
    default:
      return <HomeView state={state} />;
  }
}

/** A new view begins at its top, and tells who cannot see it what it is. */
function Main({ view, children }: { view: View; children: ReactNode }) {
  const main = useRef<HTMLElement>(null);
  const shown = useRef(view);
  useEffect(() => {
    if (shown.current === view) return;
    shown.current = view;
    main.current?.scrollTo(0, 0);
    main.current?.focus();
  }, [view]);
  return (
    <main ref={main} id="content" tabIndex={-1} className={VIEWS.some((each) => each === view) ? 'view' : 'view setup'}>
      {children}
    </main>
  );
}

/** Whoever has neither paired nor said "later" is taken there once. */
function useFirstRun({ relay }: AppState): void {
  const isNew = relay.state === 'unpaired' && !isSetUp();
  const wasTaken = useRef(false);
  useEffect(() => {
    if (!isNew || wasTaken.current) return;
    wasTaken.current = true;
    goTo('setup');
  }, [isNew]);
}

function focusMain(event: { preventDefault(): void }): void {
  event.preventDefault();
  document.getElementById('content')?.focus();
}
