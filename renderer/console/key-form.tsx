import { type FormEvent, useId } from 'react';
import { type CreatedKey, type CreateKeyRequest, KEY_SCOPES, SCOPE_MEANINGS } from '../../shared/api/keys.ts';
import { useDoing } from './asked.ts';
import { Card, Field, Trouble } from './parts.tsx';
import { STRINGS } from './strings.ts';
import { useApi } from './surroundings.ts';

const TEXT = STRINGS.keys;
const DAY_MS = 86_400_000;
const MICRO = 1_000_000;
const MOST_CREDITS = 1_000_000;

/** Makes a key. A field that is left empty is no limit. */
export function KeyForm({ onMade }: { onMade(made: CreatedKey): void }) {
  const api = useApi();
  const { isBusy, problem, run } = useDoing();
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = event.currentTarget;
    run(async () => {
      onMade(await api.post<CreatedKey>('/v1/admin/keys', orderOf(new FormData(form), Date.now())));
      form.reset();
    });
  };
  return (
    <Card title={TEXT.make}>
      <form className="form" onSubmit={submit}>
        <div className="fields">
          <Field label={TEXT.name}>
            {(id) => <input id={id} name="name" className="input" required maxLength={64} autoComplete="off" />}
          </Field>
          <Field label={TEXT.description}>
            {(id) => (
              <input
                id={id}
                name="description"
                className="input"
                maxLength={500}
                placeholder={TEXT.descriptionHint}
                autoComplete="off"
              />
            )}
          </Field>
          <Field label={TEXT.models}>
            {(id) => <input id={id} name="models" className="input" placeholder={TEXT.modelsHint} autoComplete="off" />}
          </Field>
          <Field label={TEXT.requests}>{(id) => <Limit id={id} name="requests" />}</Field>
          <Field label={TEXT.tokens}>{(id) => <Limit id={id} name="tokens" />}</Field>
          <Field label={TEXT.days}>{(id) => <Limit id={id} name="days" most={3_650} />}</Field>
          <Field label={TEXT.credits}>{(id) => <Limit id={id} name="credits" least={0} most={MOST_CREDITS} />}</Field>
        </div>
        <Scopes />
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

/** What the key may do: everything, unless a box is left empty. */
function Scopes() {
  const id = useId();
  return (
    <fieldset className="checks">
      <legend>{TEXT.scopes}</legend>
      {KEY_SCOPES.map((scope) => (
        <div key={scope} className="check-line">
          <label className="check">
            <input name="scopes" type="checkbox" value={scope} defaultChecked aria-describedby={`${id}-${scope}`} />{' '}
            <code>{scope}</code>
          </label>
          <span id={`${id}-${scope}`} className="quiet">
            {SCOPE_MEANINGS[scope]}
          </span>
        </div>
      ))}
    </fieldset>
  );
}

type LimitProps = { id: string; name: string; least?: number; most?: number };

function Limit({ id, name, least = 1, most = 1_000_000_000 }: LimitProps) {
  return (
    <input id={id} name={name} className="input" type="number" min={least} max={most} placeholder={TEXT.noLimit} />
  );
}

function orderOf(form: FormData, now: number): CreateKeyRequest {
  const text = (name: string): string => String(form.get(name) ?? '').trim();
  const count = (name: string): number | null => (text(name) === '' ? null : Number(text(name)));
  const models = text('models')
    .split(',')
    .map((model) => model.trim())
    .filter((model) => model !== '');
  const [days, credits] = [count('days'), count('credits')];
  return {
    name: text('name'),
    description: text('description') || null,
    scopes: KEY_SCOPES.filter((scope) => form.getAll('scopes').includes(scope)),
    models: models.length === 0 ? null : models,
    requests_per_minute: count('requests'),
    tokens_per_minute: count('tokens'),
    expires_at: days === null ? null : now + days * DAY_MS,
    credit_limit_micro: credits === null ? null : credits * MICRO,
    hmac: form.has('hmac'),
  };
}
