import type { ApiKey, CreatedKey } from '../../../shared/api/keys.ts';
import { useDoing } from '../asked.ts';
import { AskedTwice, Badge, type Tone, Trouble, useNow } from '../parts.tsx';
import { useSpeech } from '../speech.ts';
import { useApi } from '../surroundings.ts';
import { limitLines } from './key-limits.ts';

const KEY_TONES: Record<ApiKey['state'], Tone> = { active: 'good', expired: 'off', revoked: 'bad' };

export type KeyRowProps = {
  apiKey: ApiKey;
  onMade(made: CreatedKey): void;
  onChange(key: ApiKey): void;
  onChanged(): void;
};

/** A key with what limits it, and what can be done with it. */
export function KeyRow({ apiKey, ...actions }: KeyRowProps) {
  const speech = useSpeech();
  const { texts, show } = speech;
  const words = texts.keys;
  const now = useNow();
  const { id, name, state } = apiKey;
  return (
    <tr>
      <th scope="row">
        {name}
        {apiKey.description !== null && <span className="sub about">{apiKey.description}</span>}
        {apiKey.prefix !== null && <span className="sub code">{apiKey.prefix}…</span>}
        <span className="sub code quiet">{id}</span>
      </th>
      <td>
        <span className="badges">
          <Badge tone={KEY_TONES[state]}>{words.states[state]}</Badge>
          {state === 'active' && apiKey.standing.soft_budget_reached && <Badge tone="warn">{words.softReached}</Badge>}
        </span>
        {state === 'active' && apiKey.expires_at !== null && (
          <span className="sub">{words.ends(show.ago(apiKey.expires_at, now))}</span>
        )}
      </td>
      <td>
        {limitLines(apiKey, now, speech).map((limit) => (
          <span key={limit} className="sub">
            {limit}
          </span>
        ))}
      </td>
      <td className="nowrap">{apiKey.last_used_at === null ? words.never : show.ago(apiKey.last_used_at, now)}</td>
      {state === 'revoked' ? <td /> : <ActionsCell apiKey={apiKey} {...actions} />}
    </tr>
  );
}

function ActionsCell({ apiKey, onMade, onChange, onChanged }: KeyRowProps) {
  const words = useSpeech().texts.keys;
  const api = useApi();
  const { isBusy, problem, run } = useDoing();
  const { id, name, state } = apiKey;
  const path = `/v1/admin/keys/${encodeURIComponent(id)}`;
  const revoke = async (): Promise<void> => {
    await api.remove(path);
    onChanged();
  };
  return (
    <td>
      <span className="actions">
        <ChangeButton onClick={() => onChange(apiKey)} />
        {state === 'active' && (
          <>
            <AskedTwice
              label={words.rotate}
              title={words.rotateTitle(name)}
              body={words.rotateBody}
              isBusy={isBusy}
              onYes={() => run(async () => onMade(await api.post<CreatedKey>(`${path}/rotate`, {})))}
            />
            <AskedTwice
              label={words.revoke}
              title={words.revokeTitle(name)}
              body={words.revokeBody}
              isBusy={isBusy}
              onYes={() => run(revoke)}
            />
          </>
        )}
      </span>
      <Trouble problem={problem} />
    </td>
  );
}

function ChangeButton({ onClick }: { onClick(): void }) {
  const words = useSpeech().texts.keys;
  return (
    <button type="button" className="button" data-size="small" data-kind="quiet" onClick={onClick}>
      {words.change}
    </button>
  );
}
