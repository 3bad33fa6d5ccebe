import type { FormEvent } from 'react';
import type { CreatedKey } from '../../../shared/api/keys.ts';
import { useDoing } from '../asked.ts';
import { Card, Trouble } from '../parts.tsx';
import { useSpeech } from '../speech.ts';
import { useApi } from '../surroundings.ts';
import { EMPTY_DRAFT, KeyFields, orderOf, readDraft } from './key-fields.tsx';

/** Makes a key. */
export function KeyForm({ onMade }: { onMade(made: CreatedKey): void }) {
  const words = useSpeech().texts.keys;
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
    <Card title={words.make}>
      <form className="form" onSubmit={submit}>
        <KeyFields draft={EMPTY_DRAFT} />
        <label className="check">
          <input name="hmac" type="checkbox" /> {words.mustSign}
        </label>
        <Trouble problem={problem} />
        <button type="submit" className="button" data-kind="primary" disabled={isBusy}>
          {words.makeIt}
        </button>
      </form>
    </Card>
  );
}
