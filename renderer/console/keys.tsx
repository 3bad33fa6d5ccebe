import { useEffect, useState } from 'react';
import { type ApiKey, type ApiKeyList, type CreatedKey, KEY_SCOPES } from '../../shared/api/keys.ts';
import { useAsked, useDoing, useSettled } from './asked.ts';
import { KeyForm } from './key-form.tsx';
import { MadeKey } from './key-made.tsx';
import { AskedTwice, Badge, Card, Empty, Pending, Table, type Tone, Trouble, useNow } from './parts.tsx';
import { shownAgo, shownCount } from './shown.ts';
import { STRINGS } from './strings.ts';
import { useApi, useLive } from './surroundings.ts';

const TEXT = STRINGS.keys;
const KEY_TONES: Record<ApiKey['state'], Tone> = { active: 'good', expired: 'off', revoked: 'bad' };

/** The keys of clients: made here, shown once. */
export function Keys() {
  const api = useApi();
  const { answer, problem, again } = useAsked('keys', () => api.get<ApiKeyList>('/v1/admin/keys'));
  const [made, setMade] = useState<CreatedKey>();
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
      {answer !== undefined && <Trouble problem={problem} />}
      <Card title={TEXT.list}>
        {answer === undefined && <Pending problem={problem} />}
        {answer?.data.length === 0 && <Empty title={TEXT.none}>{TEXT.noneHint}</Empty>}
        {answer !== undefined && answer.data.length > 0 && (
          <Table label={TEXT.list} heads={TEXT.heads}>
            {answer.data.map((key) => (
              <Row key={key.id} apiKey={key} onMade={onMade} onChanged={again} />
            ))}
          </Table>
        )}
      </Card>
      <KeyForm onMade={onMade} />
    </>
  );
}

type RowProps = { apiKey: ApiKey; onMade(made: CreatedKey): void; onChanged(): void };

function Row({ apiKey, onMade, onChanged }: RowProps) {
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
        {state === 'active' && apiKey.expires_at !== null && (
          <span className="sub">{TEXT.ends(shownAgo(apiKey.expires_at, now))}</span>
        )}
      </td>
      <td>
        {limitsOf(apiKey).map((limit) => (
          <span key={limit} className="sub">
            {limit}
          </span>
        ))}
      </td>
      <td className="nowrap">{apiKey.last_used_at === null ? TEXT.never : shownAgo(apiKey.last_used_at, now)}</td>
      <td>
        {state === 'active' && (
          <span className="actions">
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

function limitsOf({
  scopes,
  models,
  requests_per_minute: requests,
  tokens_per_minute: tokens,
  credit_limit_micro: credits,
  hmac,
}: ApiKey): string[] {
  const limits = [
    ...(scopes.length === KEY_SCOPES.length ? [] : [TEXT.scopesOf(scopes.join(', '))]),
    ...(models === null ? [] : [models.join(', ')]),
    ...(requests === null ? [] : [TEXT.requestsOf(shownCount(requests))]),
    ...(tokens === null ? [] : [TEXT.tokensOf(shownCount(tokens))]),
    ...(credits === null ? [] : [TEXT.creditsOf(shownCount(credits / 1_000_000))]),
    ...(hmac ? [TEXT.signed] : []),
  ];
  return limits.length === 0 ? [TEXT.unlimited] : limits;
}
