import { useId } from 'react';
import { type ApiKey, type ChangeKeyRequest, KEY_SCOPES } from '../../../shared/api/keys.ts';
import { BUDGET_DURATION } from '../../../shared/credits/budget-period.ts';
import { Field } from '../parts.tsx';
import { useSpeech } from '../speech.ts';

const DAY_MS = 86_400_000;
const MICRO = 1_000_000;
const MOST_CREDITS = 1_000_000;

/** What stands in the fields, as text. */
export type KeyDraft = Record<(typeof NAMES)[number], string> & { scopes: readonly string[] };

const NAMES = [
  'name',
  'description',
  'models',
  'requests',
  'tokens',
  'parallel',
  'days',
  'credits',
  'budget',
  'duration',
  'softBudget',
] as const;

/** All that a key may do, by its fields; a field that is left empty is no limit. */
export function KeyFields({ draft }: { draft: KeyDraft }) {
  const words = useSpeech().texts.keys;
  const amount = { least: 0, most: MOST_CREDITS, step: 'any' };
  return (
    <>
      <div className="fields">
        <Field label={words.name}>{(id) => <Line id={id} name="name" draft={draft} most={64} required />}</Field>
        <Field label={words.description}>
          {(id) => <Line id={id} name="description" draft={draft} most={500} hint={words.descriptionHint} />}
        </Field>
        <Field label={words.models}>
          {(id) => <Line id={id} name="models" draft={draft} hint={words.modelsHint} />}
        </Field>
        <Field label={words.requests}>{(id) => <Limit id={id} name="requests" draft={draft} />}</Field>
        <Field label={words.tokens}>{(id) => <Limit id={id} name="tokens" draft={draft} />}</Field>
        <Field label={words.parallel}>{(id) => <Limit id={id} name="parallel" draft={draft} most={1_000_000} />}</Field>
        <Field label={words.days}>{(id) => <Limit id={id} name="days" draft={draft} most={3_650} />}</Field>
        <Field label={words.credits}>{(id) => <Limit id={id} name="credits" draft={draft} {...amount} />}</Field>
        <Field label={words.budget}>{(id) => <Limit id={id} name="budget" draft={draft} {...amount} />}</Field>
        <Field label={words.duration}>
          {(id) => (
            <input
              id={id}
              name="duration"
              className="input"
              defaultValue={draft.duration}
              pattern={BUDGET_DURATION}
              title={words.durationTitle}
              placeholder={words.durationHint}
              autoComplete="off"
            />
          )}
        </Field>
        <Field label={words.softBudget}>{(id) => <Limit id={id} name="softBudget" draft={draft} {...amount} />}</Field>
      </div>
      <Scopes chosen={draft.scopes} />
    </>
  );
}

type LineProps = {
  id: string;
  name: 'name' | 'description' | 'models';
  draft: KeyDraft;
  most?: number;
  hint?: string;
  required?: boolean;
};

function Line({ id, name, draft, most, hint, required = false }: LineProps) {
  return (
    <input
      id={id}
      name={name}
      className="input"
      defaultValue={draft[name]}
      required={required}
      maxLength={most}
      placeholder={hint}
      autoComplete="off"
    />
  );
}

/** What the key may do: everything, unless a box is left empty. */
function Scopes({ chosen }: { chosen: readonly string[] }) {
  const words = useSpeech().texts.keys;
  const id = useId();
  return (
    <fieldset className="checks">
      <legend>{words.scopes}</legend>
      {KEY_SCOPES.map((scope) => (
        <div key={scope} className="check-line">
          <label className="check">
            <input
              name="scopes"
              type="checkbox"
              value={scope}
              defaultChecked={chosen.includes(scope)}
              aria-describedby={`${id}-${scope}`}
            />{' '}
            <code>{scope}</code>
          </label>
          <span id={`${id}-${scope}`} className="quiet">
            {words.scopeMeanings[scope]}
          </span>
        </div>
      ))}
    </fieldset>
  );
}

type LimitProps = {
  id: string;
  name: (typeof NAMES)[number];
  draft: KeyDraft;
  least?: number;
  most?: number;
  step?: string;
};

function Limit({ id, name, draft, least = 1, most = 1_000_000_000, step = '1' }: LimitProps) {
  const words = useSpeech().texts.keys;
  const range = { min: least, max: most, step };
  return (
    <input
      {...range}
      id={id}
      name={name}
      className="input"
      type="number"
      defaultValue={draft[name]}
      placeholder={words.noLimit}
    />
  );
}

/** The fields of a key that is to be made. */
export const EMPTY_DRAFT: KeyDraft = {
  ...(Object.fromEntries(NAMES.map((name) => [name, ''])) as Record<(typeof NAMES)[number], string>),
  scopes: KEY_SCOPES,
};

/** The fields as a key has them now. */
export function draftOf(key: ApiKey, now: number): KeyDraft {
  const text = (value: number | string | null): string => (value === null ? '' : `${value}`);
  const credits = (micro: number | null): string => text(micro === null ? null : micro / MICRO);
  return {
    name: key.name,
    description: text(key.description),
    models: key.models?.join(', ') ?? '',
    requests: text(key.requests_per_minute),
    tokens: text(key.tokens_per_minute),
    parallel: text(key.max_parallel_requests),
    days: text(key.expires_at === null ? null : Math.max(1, Math.ceil((key.expires_at - now) / DAY_MS))),
    credits: credits(key.credit_limit_micro),
    budget: credits(key.budget_micro),
    duration: text(key.budget_duration),
    softBudget: credits(key.soft_budget_micro),
    scopes: key.scopes,
  };
}

export function readDraft(form: FormData): KeyDraft {
  const lines = NAMES.map((name) => [name, String(form.get(name) ?? '').trim()]);
  const scopes = KEY_SCOPES.filter((scope) => form.getAll('scopes').includes(scope));
  return { ...(Object.fromEntries(lines) as Record<(typeof NAMES)[number], string>), scopes };
}

/** What the fields say that another draft does not: what was left as it is may have been changed elsewhere meanwhile. */
export function changesOf(draft: KeyDraft, before: KeyDraft, now: number): ChangeKeyRequest {
  const all = orderOf(draft, now);
  const was = orderOf(before, now);
  const changed = Object.entries(all).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(was[name as keyof typeof was]),
  );
  return Object.fromEntries(changed);
}

/** The key that the fields describe. */
export function orderOf(draft: KeyDraft, now: number) {
  const count = (text: string): number | null => (text === '' ? null : Number(text));
  const micro = (text: string): number | null => (text === '' ? null : Math.round(Number(text) * MICRO));
  const models = draft.models
    .split(',')
    .map((model) => model.trim())
    .filter((model) => model !== '');
  const days = count(draft.days);
  return {
    name: draft.name,
    description: draft.description || null,
    scopes: KEY_SCOPES.filter((scope) => draft.scopes.includes(scope)),
    models: models.length === 0 ? null : models,
    requests_per_minute: count(draft.requests),
    tokens_per_minute: count(draft.tokens),
    max_parallel_requests: count(draft.parallel),
    expires_at: days === null ? null : now + days * DAY_MS,
    credit_limit_micro: micro(draft.credits),
    budget_micro: micro(draft.budget),
    budget_duration: draft.duration || null,
    soft_budget_micro: micro(draft.softBudget),
  };
}
