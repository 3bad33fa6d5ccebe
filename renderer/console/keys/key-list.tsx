import { useState } from 'react';
import type { ApiKey } from '../../../shared/api/keys.ts';
import { ChoiceField, TextField } from '../fields.tsx';
import { Table } from '../parts.tsx';
import { STRINGS } from '../strings/strings.ts';
import { KeyRow, type KeyRowProps } from './key-row.tsx';

const TEXT = STRINGS.keys;

type KeyListProps = Omit<KeyRowProps, 'apiKey'> & { keys: readonly ApiKey[] };

/** The keys whose words and state are wanted. */
export function KeyList({ keys, ...actions }: KeyListProps) {
  const [wanted, setWanted] = useState('');
  const [state, setState] = useState<ApiKey['state'] | ''>('');
  const counts = Map.groupBy(keys, (key) => key.state);
  const words = wanted.trim().toLowerCase();
  const shown = keys.filter((key) => (state === '' || key.state === state) && textOf(key).includes(words));
  return (
    <>
      <search className="filter">
        <TextField type="search" label={TEXT.filter} hint={TEXT.filterHint} value={wanted} onChange={setWanted} />
        <ChoiceField<ApiKey['state'] | ''>
          label={TEXT.state}
          value={state}
          options={['', ...counts.keys()]}
          nameOf={(name) => (name === '' ? TEXT.anyState : `${TEXT.states[name]} (${counts.get(name)?.length ?? 0})`)}
          onChoose={setState}
        />
      </search>
      <p className="quiet" role="status">
        {TEXT.shown(shown.length, keys.length)}
      </p>
      {shown.length === 0 ? (
        <p className="quiet">{TEXT.noneFound}</p>
      ) : (
        <Table label={TEXT.list} heads={TEXT.heads}>
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
