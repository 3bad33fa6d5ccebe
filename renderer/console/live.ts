import { type JobUpdate, LIVE_CLOSE, type LiveMessage } from '../../shared/api/live.ts';
import type { NodeSummary } from '../../shared/api/nodes.ts';
import type { AdminStats } from '../../shared/api/stats.ts';

/** What the relay has pushed so far. Replaced, never changed. */
export type LiveView = {
  state: 'connecting' | 'open' | 'lost';
  /** By id. */
  nodes: readonly NodeSummary[];
  stats: AdminStats | null;
  /** The jobs of the latest message that had some; another object each time. */
  jobs: readonly JobUpdate[];
  /** How many changes of other jobs that message had no room for. */
  jobsLeftOut: number;
  /** How often the relay could no longer say what was missed, so that whatever was asked before has to be asked again. */
  resets: number;
};

export type Live = {
  view(): LiveView;
  onChange(listener: () => void): () => void;
  close(): void;
};

const NOTHING: LiveView = { state: 'connecting', nodes: [], stats: null, jobs: [], jobsLeftOut: 0, resets: 0 };
const RETRY_FIRST_MS = 500;
const RETRY_MOST_MS = 10_000;

export type Membership = {
  /** Rejects while the relay cannot be asked. */
  isSignedIn(): Promise<boolean>;
  onSignedOut(): void;
};

/**
 * Watches the relay. A connection that breaks is opened again, from the last cursor on.
 *
 * Invariants: (1) one socket at a time, and none after `close`; (2) `onSignedOut` is told once, and nothing is tried then.
 */
export function watchRelay(origin: string, { isSignedIn, onSignedOut }: Membership): Live {
  const listeners = new Set<() => void>();
  let view = NOTHING;
  let cursor: string | undefined;
  let socket: WebSocket | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let retryMs = RETRY_FIRST_MS;
  let isOver = false;

  const show = (next: Partial<LiveView>): void => {
    view = { ...view, ...next };
    for (const listener of listeners) listener();
  };
  const open = (): void => {
    const query = cursor === undefined ? '' : `?after=${encodeURIComponent(cursor)}`;
    socket = new WebSocket(`${origin.replace(/^http/, 'ws')}/v1/ws${query}`);
    socket.onmessage = ({ data }) => {
      retryMs = RETRY_FIRST_MS;
      const message = JSON.parse(String(data)) as LiveMessage;
      cursor = message.cursor;
      show({ state: 'open', ...changesOf(view, message) });
    };
    socket.onclose = ({ code }) => {
      if (isOver) return;
      if (code === LIVE_CLOSE.signedOut) {
        leave();
        return;
      }
      show({ state: 'lost' });
      tryLater();
    };
  };
  // Browsers do not tell why a WebSocket was refused: a relay that was started again knows nobody any more.
  const again = (): void => {
    const goOn = (isIn: boolean): void => {
      if (isOver) return;
      if (isIn) open();
      else leave();
    };
    isSignedIn().then(goOn, tryLater);
  };
  const tryLater = (): void => {
    if (isOver) return;
    timer = setTimeout(again, retryMs);
    retryMs = Math.min(RETRY_MOST_MS, retryMs * 2);
  };
  const leave = (): void => {
    if (isOver) return;
    close();
    onSignedOut();
  };
  const close = (): void => {
    isOver = true;
    clearTimeout(timer);
    socket?.close();
  };
  open();
  return {
    view: () => view,
    onChange: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close,
  };
}

function changesOf(view: LiveView, message: LiveMessage): Partial<LiveView> {
  if (message.type === 'reset') {
    // The first is where everything begins.
    const resets = view.stats === null ? 0 : view.resets + 1;
    return { nodes: message.nodes, stats: message.stats, jobs: [], jobsLeftOut: 0, resets };
  }
  const { nodes, forgotten, jobs, jobs_left_out, stats } = message;
  return {
    nodes: nodes.length + forgotten.length === 0 ? view.nodes : merged(view.nodes, nodes, forgotten),
    ...(jobs.length > 0 && { jobs, jobsLeftOut: jobs_left_out }),
    stats: stats ?? view.stats,
  };
}

function merged(
  known: readonly NodeSummary[],
  changed: readonly NodeSummary[],
  forgotten: readonly string[],
): NodeSummary[] {
  const byId = new Map([...known, ...changed].map((node) => [node.id, node]));
  for (const id of forgotten) byId.delete(id);
  return [...byId.values()].sort((one, other) => (one.id < other.id ? -1 : 1));
}

/** Another object each time that the relay has told of this job, or may have had no room for it. */
export function newsOfJob({ jobs, jobsLeftOut }: LiveView, id: string): unknown {
  return jobs.find(({ job }) => job === id) ?? (jobsLeftOut > 0 ? jobs : undefined);
}
