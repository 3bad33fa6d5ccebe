import { type FormEvent, useId, useState } from 'react';
import type { NodeDetails } from '../../../shared/api/nodes.ts';
import { useDoing } from '../asked.ts';
import { AskedTwice, Trouble } from '../parts.tsx';
import { useReason } from '../reason-field.tsx';
import { linkTo } from '../route.ts';
import { useSpeech } from '../speech.ts';
import { useApi } from '../surroundings.ts';

/** The page shows by itself when the node is drained. */
const AT_ONCE = { deadline_ms: 0 };

/** What an operator does with a node. */
export function NodeActions({ node, onDone }: { node: NodeDetails; onDone(): void }) {
  const words = useSpeech().texts.node;
  const api = useApi();
  const { isBusy, problem, run } = useDoing();
  const [why, reasonField] = useReason(words.reason, words.reasonHint);
  const act = (what: string, body?: object, then?: () => void): void =>
    run(async () => {
      await api.post(`/v1/admin/nodes/${encodeURIComponent(node.id)}/${what}`, body);
      then?.();
      onDone();
    });
  const forget = (): void =>
    run(async () => {
      await api.remove(`/v1/admin/nodes/${encodeURIComponent(node.id)}`);
      location.hash = linkTo('nodes');
    });
  const isShut = node.status === 'pending' || node.status === 'revoked';
  const isOut = node.status === 'cordoned' || node.status === 'draining' || node.status === 'drained';
  return (
    <>
      {!isShut && !isOut && reasonField}
      <div className="actions">
        {!isShut && !isOut && (
          <>
            <Act label={words.cordon} isBusy={isBusy} onClick={() => act('cordon', why)} />
            <Act label={words.drain} isBusy={isBusy} onClick={() => act('drain', { ...why, ...AT_ONCE })} />
          </>
        )}
        {isOut && <Act label={words.uncordon} isBusy={isBusy} isMain onClick={() => act('uncordon')} />}
        {isShut && <Act label={words.approve} isBusy={isBusy} isMain onClick={() => act('approve')} />}
        {node.status !== 'revoked' && (
          <AskedTwice
            label={words.revoke}
            title={words.revokeTitle(node.name)}
            body={words.revokeBody}
            isBusy={isBusy}
            onYes={() => act('revoke')}
          />
        )}
        {!node.connected && (
          <AskedTwice
            label={words.forget}
            title={words.forgetTitle(node.name)}
            body={words.forgetBody}
            isBusy={isBusy}
            onYes={forget}
          />
        )}
      </div>
      <LabelForm onLabel={(labels, onSet) => act('labels', { labels }, onSet)} isBusy={isBusy} />
      <Trouble problem={problem} />
    </>
  );
}

type ActProps = { label: string; isBusy: boolean; isMain?: boolean; onClick(): void };

function Act({ label, isBusy, isMain = false, onClick }: ActProps) {
  return (
    <button
      type="button"
      className="button"
      data-size="small"
      data-kind={isMain ? 'primary' : undefined}
      disabled={isBusy}
      onClick={onClick}
    >
      {label}
    </button>
  );
}

type LabelFormProps = { isBusy: boolean; onLabel(labels: Record<string, string | null>, onSet: () => void): void };

/** `room=attic` sets a label, `room=` takes it away; what is refused stays to be mended. */
function LabelForm({ isBusy, onLabel }: LabelFormProps) {
  const words = useSpeech().texts.node;
  const [text, setText] = useState('');
  const id = useId();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const [name = '', ...rest] = text.split('=');
    const value = rest.join('=').trim();
    onLabel({ [name.trim()]: value === '' ? null : value }, () => setText(''));
  };
  return (
    <form className="inline-form" onSubmit={submit}>
      <div className="field">
        <label htmlFor={id}>{words.label}</label>
        <input
          id={id}
          className="input code"
          placeholder="room=attic"
          pattern="[^=]+=.*"
          title={words.labelHint}
          required
          value={text}
          onChange={({ target }) => setText(target.value)}
          aria-describedby={`${id}-hint`}
        />
        <p className="hint" id={`${id}-hint`}>
          {words.labelHint}
        </p>
      </div>
      <button type="submit" className="button" data-size="small" disabled={isBusy}>
        {words.setLabel}
      </button>
    </form>
  );
}
