import { useState } from 'react';
import type { ListedCode, ListedCodes, PairingCode } from '../../../shared/api/pairing.ts';
import { isForBrowsers, joinPageLink } from '../../../shared/identity/pairing-link.ts';
import { useAsked, useDoing, useSettled } from '../asked.ts';
import { Badge, Card, CopyButton, Empty, Pending, Table, type Tone, Trouble, useNow } from '../parts.tsx';
import { linkTo } from '../route.ts';
import { useSpeech } from '../speech.ts';
import { useApi, useLive } from '../surroundings.ts';
import { QrCode } from './qr-code.tsx';

const LOOPBACK = /^(localhost|\[::1\]|127(\.\d+){3})$/;
const CODE_TONES: Record<ListedCode['state'], Tone> = { open: 'good', used: 'off', expired: 'off' };

/** How nodes come in: a code for each, and the moment at which it arrives. */
export function Pairing() {
  const words = useSpeech().texts.pairing;
  const api = useApi();
  const { nodes } = useLive();
  const [code, setCode] = useState<PairingCode>();
  const codes = useAsked('codes', () => api.get<ListedCodes>('/v1/admin/pairing-codes'));
  const { isBusy, problem, run } = useDoing();
  // A node that comes may be the one that a code waits for; what else changes of nodes is no reason to ask.
  useSettled(`${nodes.length} ${nodes.filter(({ connected }) => connected).length}`, codes.again);
  const make = (): void =>
    run(async () => {
      setCode(await api.post<PairingCode>('/v1/admin/pairing-codes', {}));
      codes.again();
    });
  const pending = nodes.filter(({ status }) => status === 'pending');
  return (
    <>
      {pending.length > 0 && (
        <Card title={words.pending}>
          <ul>
            {pending.map(({ id, name }) => (
              <li key={id}>
                <a href={linkTo('nodes', id)}>{name}</a> <code>{id}</code>
              </li>
            ))}
          </ul>
        </Card>
      )}
      <Card title={words.make}>
        <p>{words.intro}</p>
        <div className="actions">
          <button type="button" className="button" data-kind="primary" disabled={isBusy} onClick={make}>
            {code === undefined ? words.makeIt : words.makeAnother}
          </button>
        </div>
        <Trouble problem={problem} />
        {code !== undefined && <Invitation code={code} listed={codes.answer?.data.find(({ id }) => id === code.id)} />}
      </Card>
      <Card title={words.codes}>
        {codes.answer === undefined ? (
          <Pending problem={codes.problem} />
        ) : (
          <>
            <Codes codes={codes.answer.data} onChanged={codes.again} />
            <Trouble problem={codes.problem} />
          </>
        )}
      </Card>
    </>
  );
}

function Invitation({ code, listed }: { code: PairingCode; listed: ListedCode | undefined }) {
  const words = useSpeech().texts.pairing;
  const command = `npx sparewatt agent --pair '${code.link}'`;
  const origin = new URL(code.link).searchParams.get('relay') ?? location.origin;
  const page = `${origin}/join#code=${code.code}`;
  return (
    <div className="invitation">
      <div className="invitation-text">
        <Arrival code={code} listed={listed} />
        {LOOPBACK.test(new URL(origin).hostname) && <p className="notice">{words.onlyHere}</p>}
        <p className="code big-code">{code.code}</p>
        <Way name={words.byCommand} text={command} />
        {isForBrowsers(origin) ? <Way name={words.byPage} text={page} /> : <p className="notice">{words.noPage}</p>}
        <Way name={words.byLink} text={code.link} />
      </div>
      {/* A phone opens the page; the app reads it as a link, with the relay's key. */}
      <QrCode text={isForBrowsers(origin) ? joinPageLink(code.link) : code.link} label={words.qr} />
    </div>
  );
}

function Way({ name, text }: { name: string; text: string }) {
  return (
    <div className="way">
      <h3>{name}</h3>
      <p className="secret-line">
        <code>{text}</code>
        <CopyButton text={text} />
      </p>
    </div>
  );
}

/** Only the node that this code let in counts as arrived. */
function Arrival({ code, listed }: { code: PairingCode; listed: ListedCode | undefined }) {
  const { texts, show } = useSpeech();
  const words = texts.pairing;
  const { nodes } = useLive();
  const now = useNow(1_000);
  const node = nodes.find(({ id }) => id === listed?.usedBy);
  if (listed?.state === 'used') {
    return (
      <p className="notice" data-kind="good" role="status">
        {words.arrived} <a href={linkTo('nodes', listed.usedBy ?? '')}>{node?.name ?? listed.usedBy}</a>
      </p>
    );
  }
  const isOver = listed?.state === 'expired' || code.expiresAt <= now;
  return (
    <p className="notice" role="status" data-kind={isOver ? 'warn' : undefined}>
      {isOver ? words.expired : words.waits}{' '}
      {!isOver && <span aria-hidden="true">{show.ago(code.expiresAt, now)}</span>}
    </p>
  );
}

function Codes({ codes, onChanged }: { codes: readonly ListedCode[]; onChanged(): void }) {
  const { texts, show } = useSpeech();
  const words = texts.pairing;
  const api = useApi();
  const { isBusy, problem, run } = useDoing();
  const now = useNow();
  if (codes.length === 0) return <Empty title={words.none}>{words.noneHint}</Empty>;
  const withdraw = (id: string): void =>
    run(async () => {
      await api.remove(`/v1/admin/pairing-codes/${encodeURIComponent(id)}`);
      onChanged();
    });
  return (
    <>
      <Table label={words.codes} heads={words.heads}>
        {codes.map(({ id, state, createdAt, expiresAt, usedBy }) => (
          <tr key={id}>
            <th scope="row" className="code">
              {id}
            </th>
            <td>
              <Badge tone={CODE_TONES[state]}>{words.states[state]}</Badge>
            </td>
            <td className="nowrap">{show.ago(createdAt, now)}</td>
            <td>
              {state === 'open' && (
                <button
                  type="button"
                  className="button"
                  data-size="small"
                  data-kind="quiet"
                  disabled={isBusy}
                  onClick={() => withdraw(id)}
                >
                  {words.withdraw(show.ago(expiresAt, now))}
                </button>
              )}
              {usedBy !== null && (
                <a className="code" href={linkTo('nodes', usedBy)}>
                  {usedBy}
                </a>
              )}
            </td>
          </tr>
        ))}
      </Table>
      <Trouble problem={problem} />
    </>
  );
}
