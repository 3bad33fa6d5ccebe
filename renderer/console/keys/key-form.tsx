import type { FormEvent } from 'react';
import type { CreatedKey } from '../../../shared/api/keys.ts';
import { useDoing } from '../asked.ts';
import { Card, Trouble } from '../parts.tsx';
import { STRINGS } from '../strings/strings.ts';
import { useApi } from '../surroundings.ts';
import { EMPTY_DRAFT, KeyFields, orderOf, readDraft } from './key-fields.tsx';

const TEXT = STRINGS.keys;

/** Makes a key. */
export function KeyForm({ onMade }: { onMade(made: CreatedKey): void }) {
  const api = useApi();
  const { isBusy, problem, run } = useDoing();
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = event.currentTarget;
    run(async () => {
      const fields = new FormData(form);
      const order = { ...orderOf(readDraft(fields), Date.now()), hmac: fields.has('hmac') };
      onMade(await api.post<CreatedKey>('/v1/admin/keys', order));
      form.reset();
    });
  };
  return (
    <Card title={TEXT.make}>
      <form className="form" onSubmit={submit}>
        <KeyFields draft={EMPTY_DRAFT} />
        <label className="check">
          <input name="hmac" type="checkbox" /> {TEXT.mustSign}
        </label>
        <Trouble problem={problem} />
        <button type="submit" className="button" data-kind="primary" disabled={isBusy}>
          {TEXT.makeIt}
        </button>
      </form>
    </Card>
  );
}
