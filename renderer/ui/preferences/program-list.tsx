import { useContext, useId, useState } from 'react';
import type { Presence } from '../../../shared/preferences/presence.ts';
import { useSpeech } from '../locale.ts';
import { FieldNotes, FormContext } from './fields.tsx';

export type ProgramListProps = {
  programs: readonly string[];
  running: Presence['programs'];
  /** In place of the usual one. */
  hint?: string;
  onChange(programs: string[]): void;
};

/** The owner's exclusive applications; those that run now are offered, so that nobody has to know a file's name. */
export function ProgramList({ programs, running, hint, onChange }: ProgramListProps) {
  const { texts } = useSpeech();
  const words = texts.preferences.games;
  const { faults } = useContext(FormContext);
  const [name, setName] = useState('');
  const id = useId();
  const add = (): void => {
    const program = name.trim();
    if (program !== '' && !programs.includes(program)) onChange([...programs, program]);
    setName('');
  };
  return (
    <div className="field">
      <label htmlFor={id}>{words.programs}</label>
      <div className="actions">
        <input
          id={id}
          className="input code grow"
          value={name}
          list={`${id}-running`}
          onChange={({ target }) => setName(target.value)}
          onKeyDown={(event) => {
            if (event.key !== 'Enter') return;
            event.preventDefault();
            add();
          }}
          autoComplete="off"
          spellCheck={false}
          aria-invalid={Object.hasOwn(faults, 'games.programs')}
          aria-describedby={`${id}-hint ${id}-error`}
        />
        <datalist id={`${id}-running`}>
          {running !== 'unknown' && [...new Set(running)].sort().map((each) => <option key={each} value={each} />)}
        </datalist>
        <button type="button" className="button" onClick={add}>
          {words.add}
        </button>
      </div>
      <FieldNotes place="games.programs" id={id} hint={hint ?? words.programsHint} />
      {programs.length > 0 && (
        <ul className="chips">
          {programs.map((program) => (
            <li key={program} className="chip">
              <code>{program}</code>
              <button
                type="button"
                className="chip-remove"
                aria-label={words.remove(program)}
                onClick={() => onChange(programs.filter((each) => each !== program))}
              >
                ×
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
