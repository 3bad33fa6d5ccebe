import { useEffect, useState } from 'react';
import type { AppState } from '../../shared/ipc/app-state.ts';
import { reasonLine } from '../../shared/ipc/reason-line.ts';
import { LanguageSelect } from '../language/language-select.tsx';
import type { Locale } from '../language/locales.ts';
import { useNow } from './bridge.ts';
import { statusOf } from './home/status.ts';
import { useSpeech } from './locale.ts';
import { VIEWS, type View } from './routes.ts';

const THEME_KEY = 'sparewatt-theme';
const THEMES = ['system', 'light', 'dark'] as const;
type Theme = (typeof THEMES)[number];

export type SideBarProps = { state: AppState; view: View; onLocale(locale: Locale): void };

/** Where one is, where one can go, and, from everywhere, whether this computer contributes. */
export function SideBar({ state, view, onLocale }: SideBarProps) {
  const { texts } = useSpeech();
  const { title, tone } = statusOf(state, texts);
  return (
    <div className="side">
      <header className="brand">
        <p className="brand-name">Sparewatt</p>
        <p className="brand-state" data-tone={tone}>
          <span className="dot" aria-hidden="true" />
          {title}
        </p>
        <Reason state={state} />
      </header>
      <nav aria-label={texts.views.label}>
        <ul className="nav">
          {VIEWS.map((each) => (
            <li key={each}>
              <a href={`#/${each}`} aria-current={each === view ? 'page' : undefined}>
                {texts.views[each]}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <Choices onLocale={onLocale} />
    </div>
  );
}

/** As the tray says it, with a countdown that goes on while it is looked at. */
function Reason({ state }: { state: AppState }) {
  const { locale } = useSpeech();
  const now = useNow(1_000, state.until !== null);
  return <p className="brand-reason">{reasonLine(state, locale, now)}</p>;
}

function Choices({ onLocale }: Pick<SideBarProps, 'onLocale'>) {
  const { texts, locale } = useSpeech();
  const [theme, setTheme] = useTheme();
  return (
    <div className="side-foot">
      <LanguageSelect label={texts.language} locale={locale} onLocale={onLocale} />
      <label>
        {texts.theme.label}
        <select className="input" value={theme} onChange={({ target }) => setTheme(themeOf(target.value))}>
          {THEMES.map((each) => (
            <option key={each} value={each}>
              {texts.theme[each]}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}

function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState(() => themeOf(localStorage.getItem(THEME_KEY)));
  useEffect(() => {
    const { dataset } = document.documentElement;
    if (theme === 'system') delete dataset.theme;
    else dataset.theme = theme;
    localStorage.setItem(THEME_KEY, theme);
  }, [theme]);
  return [theme, setTheme];
}

function themeOf(text: string | null): Theme {
  return THEMES.find((theme) => theme === text) ?? 'system';
}
