import { useRef } from 'react';
import type { NodeView, ToNode } from './node-messages.ts';
import type { Status } from './status.ts';
import type { Strings } from './strings.ts';

export type StatusCardProps = { view: NodeView; status: Status; strings: Strings; ask(message: ToNode): void };

/** What the node does and why, and what can be done about it. */
export function StatusCard({ view, status, strings, ask }: StatusCardProps) {
  return (
    <section className="card status" data-tone={status.tone}>
      <div role="status" className="status-line">
        <p className="status-title">
          <span className="dot" aria-hidden="true" />
          {status.title}
        </p>
        <p className="status-why">{status.why}</p>
      </div>
      {view.stage === 'preparing' && (
        <progress
          className="progress"
          value={view.loadedBytes}
          max={Math.max(1, view.totalBytes)}
          aria-label={status.why}
        />
      )}
      <Actions view={view} strings={strings} ask={ask} />
    </section>
  );
}

function Actions({ view, strings, ask }: Omit<StatusCardProps, 'status'>) {
  const dialog = useRef<HTMLDialogElement>(null);
  const { stage } = view;
  const isJoined = stage === 'connecting' || stage === 'contributing' || stage === 'paused';
  const isWaiting = stage === 'preparing' || stage === 'held';
  if (!isJoined && !isWaiting) return null;
  return (
    <div className="actions">
      {stage === 'paused' ? (
        <button type="button" className="button" data-kind="primary" onClick={() => ask({ type: 'resume' })}>
          {strings.actions.resume}
        </button>
      ) : (
        <button type="button" className="button" disabled={isWaiting} onClick={() => ask({ type: 'pause' })}>
          {strings.actions.pause}
        </button>
      )}
      <button type="button" className="button" data-kind="quiet" onClick={() => dialog.current?.showModal()}>
        {strings.actions.leave}
      </button>
      <dialog ref={dialog} className="dialog" aria-labelledby="leave-title">
        <h2 id="leave-title">{strings.leave.title}</h2>
        <p>{strings.leave.body}</p>
        <form method="dialog" className="actions">
          <button type="submit" className="button">
            {strings.actions.cancel}
          </button>
          <button type="submit" className="button" data-kind="danger" onClick={() => ask({ type: 'leave' })}>
            {strings.leave.confirm}
          </button>
        </form>
      </dialog>
    </div>
  );
}
