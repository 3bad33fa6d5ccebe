import { useState } from 'react';
import type { ApiKey } from '../../../shared/api/keys.ts';
import { ChoiceField, TextField } from '../fields.tsx';
import { Table } from '../parts.tsx';
import { useSpeech } from '../speech.ts';
import { KeyRow, type KeyRowProps } from './key-row.tsx';

type KeyListProps = Omit<KeyRowProps, 'apiKey'> & { keys: readonly ApiKey[] };

/** The keys whose words and state are wanted. */
export function KeyList({ keys, ...actions }: KeyListProps) {
  const words = useSpeech().texts.keys;
  const [wanted, setWanted] = useState('');
  const [state, setState] = useState<ApiKey['state'] | ''>('');
  const counts = Map.groupBy(keys, (key) => key.state);
  const sought = wanted.trim().toLowerCase();
  const shown = keys.filter((key) => (state === '' || key.state === state) && textOf(key).includes(sought));
  return (
    <>
      <search className="filter">
        <TextField type="search" label={words.filter} hint={words.filterHint} value={wanted} onChange={setWanted} />
        <ChoiceField<ApiKey['state'] | ''>
          label={words.state}
          value={state}
          options={['', ...counts.keys()]}
          nameOf={(name) => (name === '' ? words.anyState : `${words.states[name]} (${counts.get(name)?.length ?? 0})`)}
          onChoose={setState}
        />
      </search>
      <p className="quiet" role="status">
        {words.shown(shown.length, keys.length)}
      </p>
      {shown.length === 0 ? (
        <p className="quiet">{words.noneFound}</p>
      ) : (
        <Table label={words.list} heads={words.heads}>
          {shown.map((key) => (
            <KeyRow key={key.id} apiKey={key} {...actions} />
          ))}
        </Table>
      )}
    </>
  );
}

/** What a search looks at; the beginning of a key is what somebody who has found one can tell of it. */
function textOf({ id, name, description, prefix }: ApiKey): string {
  return [id, name, description, prefix].join(' ').toLowerCase();
}
