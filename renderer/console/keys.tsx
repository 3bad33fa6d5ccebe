import { useEffect, useState } from 'react';
import type { ApiKey, ApiKeyList, CreatedKey } from '../../shared/api/keys.ts';
import { useAsked, useDoing, useSettled } from './asked.ts';
import { ChangeKey } from './key-change.tsx';
import { KeyForm } from './key-form.tsx';
import { limitLines } from './key-limits.ts';
import { MadeKey } from './key-made.tsx';
import { AskedTwice, Badge, Card, Empty, Pending, Table, type Tone, Trouble, useNow } from './parts.tsx';
import { shownAgo } from './shown.ts';
import { STRINGS } from './strings.ts';
import { useApi, useLive } from './surroundings.ts';

const TEXT = STRINGS.keys;
const KEY_TONES: Record<ApiKey['state'], Tone> = { active: 'good', expired: 'off', revoked: 'bad' };

/** The keys of clients: made here, shown once. */
export function Keys() {
  const api = useApi();
  const { answer, problem, again } = useAsked('keys', () => api.get<ApiKeyList>('/v1/admin/keys'));
  const [made, setMade] = useState<CreatedKey>();
  const [changed, setChanged] = useState<ApiKey>();
  // A session that ends leaves no secret behind in the page.
  useEffect(() => () => setMade(undefined), []);
  // When a key was last used is told, too.
  useSettled(useLive().jobs, again);
  const onMade = (key: CreatedKey): void => {
    setMade(key);
    again();
  };
  return (
    <>
      {made !== undefined && <MadeKey key={made.id} made={made} onSeen={() => setMade(undefined)} />}
      {changed !== undefined && (
        <ChangeKey
          key={changed.id}
          apiKey={changed}
          onDone={() => {
            setChanged(undefined);
            again();
          }}
        />
      )}
      {answer !== undefined && <Trouble problem={problem} />}
      <Card title={TEXT.list}>
        {answer === undefined && <Pending problem={problem} />}
        {answer?.data.length === 0 && <Empty title={TEXT.none}>{TEXT.noneHint}</Empty>}
        {answer !== undefined && answer.data.length > 0 && (
          <Table label={TEXT.list} heads={TEXT.heads}>
            {answer.data.map((key) => (
              <Row key={key.id} apiKey={key} onMade={onMade} onChange={setChanged} onChanged={again} />
            ))}
          </Table>
        )}
      </Card>
      <KeyForm onMade={onMade} />
    </>
  );
}

type RowProps = { apiKey: ApiKey; onMade(made: CreatedKey): void; onChange(key: ApiKey): void; onChanged(): void };

function Row({ apiKey, onMade, onChange, onChanged }: RowProps) {
  const api = useApi();
  const { isBusy, problem, run } = useDoing();
  const now = useNow();
  const { id, name, state } = apiKey;
  const path = `/v1/admin/keys/${encodeURIComponent(id)}`;
  const revoke = async (): Promise<void> => {
    await api.remove(path);
    onChanged();
  };
  return (
    <tr>
      <th scope="row">
        {name}
        {apiKey.description !== null && <span className="sub about">{apiKey.description}</span>}
        {apiKey.prefix !== null && <span className="sub code">{apiKey.prefix}…</span>}
        <span className="sub code quiet">{id}</span>
      </th>
      <td>
        <Badge tone={KEY_TONES[state]}>{TEXT.states[state]}</Badge>
        {state === 'active' && apiKey.standing.soft_budget_reached && <Badge tone="warn">{TEXT.softReached}</Badge>}
        {state === 'active' && apiKey.expires_at !== null && (
          <span className="sub">{TEXT.ends(shownAgo(apiKey.expires_at, now))}</span>
        )}
      </td>
      <td>
        {limitLines(apiKey, now).map((limit) => (
          <span key={limit} className="sub">
            {limit}
          </span>
        ))}
      </td>
      <td className="nowrap">{apiKey.last_used_at === null ? TEXT.never : shownAgo(apiKey.last_used_at, now)}</td>
      <td>
        {state === 'expired' && <ChangeButton onClick={() => onChange(apiKey)} />}
        {state === 'active' && (
          <span className="actions">
            <ChangeButton onClick={() => onChange(apiKey)} />
            <AskedTwice
              label={TEXT.rotate}
              title={TEXT.rotateTitle(name)}
              body={TEXT.rotateBody}
              isBusy={isBusy}
              onYes={() => run(async () => onMade(await api.post<CreatedKey>(`${path}/rotate`, {})))}
            />
            <AskedTwice
              label={TEXT.revoke}
              title={TEXT.revokeTitle(name)}
              body={TEXT.revokeBody}
              isBusy={isBusy}
              onYes={() => run(revoke)}
            />
          </span>
        )}
        <Trouble problem={problem} />
      </td>
    </tr>
  );
}

function ChangeButton({ onClick }: { onClick(): void }) {
  return (
    <button type="button" className="button" data-size="small" data-kind="quiet" onClick={onClick}>
      {TEXT.change}
    </button>
  );
}
