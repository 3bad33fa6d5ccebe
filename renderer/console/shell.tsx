import { type ReactNode, useEffect, useRef } from 'react';
import { useDoing } from './asked.ts';
import { Approvals, TaskApproval } from './jobs/approvals.tsx';
import { JobDetails } from './jobs/job-details.tsx';
import { Jobs } from './jobs/jobs.tsx';
import { Keys } from './keys/keys.tsx';
import { LanguageFoot } from './language-foot.tsx';
import { NodeView } from './nodes/node-view.tsx';
import { Nodes } from './nodes/nodes.tsx';
import { Pairing } from './nodes/pairing.tsx';
import { Overview } from './overview/overview.tsx';
import { Trouble } from './parts.tsx';
import { Playground } from './playground/playground.tsx';
import { Receipts } from './receipts/receipts.tsx';
import { linkTo, PAGES, type Route, useRoute } from './route.ts';
import { useSpeech } from './speech.ts';
import { useLive } from './surroundings.ts';

/** The frame around every page of the console. */
export function Shell({ onSignOut }: { onSignOut(): Promise<void> }) {
  const { texts } = useSpeech();
  const route = useRoute();
  const { isBusy, problem, run } = useDoing();
  const heading = useRef<HTMLHeadingElement>(null);
  const title = route.id ?? texts.pages[route.page];
  const of = texts.title;
  const place = `${route.page}/${route.id}`;
  const shown = useRef(place);
  useEffect(() => {
    document.title = `${title} · ${of}`;
    if (shown.current === place) return;
    shown.current = place;
    // Whoever went somewhere by keyboard or ear begins at its top.
    heading.current?.focus();
    document.querySelector('.nav [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [title, of, place]);
  return (
    <div className="console">
      <a className="skip" href={location.hash || '#/overview'} onClick={(event) => focusMain(event, heading.current)}>
        {texts.skip}
      </a>
      <header className="bar">
        <p className="brand">{texts.title}</p>
        <p className="quiet relay-name">{texts.relay(location.host)}</p>
        <Line />
        <button type="button" className="button" data-size="small" disabled={isBusy} onClick={() => run(onSignOut)}>
          {texts.actions.signOut}
        </button>
      </header>
      <nav className="nav" aria-label={texts.navigation}>
        {PAGES.map((page) => (
          <a key={page} href={linkTo(page)} aria-current={route.page === page ? 'page' : undefined}>
            {texts.pages[page]}
            {page === 'approvals' && <Waiting />}
          </a>
        ))}
      </nav>
      <main className="content">
        <Trouble problem={problem} />
        {route.id !== null && (
          <p className="trail">
            <a href={linkTo(route.page)}>{texts.pages[route.page]}</a>
          </p>
        )}
        <h1 ref={heading} tabIndex={-1} className={route.id === null ? '' : 'code'}>
          {title}
        </h1>
        {contentOf(route)}
        <LanguageFoot />
      </main>
    </div>
  );
}

function focusMain(event: { preventDefault(): void }, heading: HTMLElement | null): void {
  event.preventDefault();
  heading?.focus();
}

/** How much waits for the operator. */
function Waiting() {
  const { texts } = useSpeech();
  const count = useLive().stats?.approvals ?? 0;
  if (count === 0) return null;
  return (
    <span className="nav-count">
      {count}
      <span className="visually-hidden"> {texts.approvals.wait}</span>
    </span>
  );
}

/** Whether what is shown is what is. */
function Line() {
  const { texts } = useSpeech();
  const { state } = useLive();
  return (
    <p className="line" role="status" data-state={state}>
      <span className="dot" aria-hidden="true" />
      {texts.line[state]}
    </p>
  );
}

function contentOf({ page, id }: Route): ReactNode {
  switch (page) {
    case 'overview':
      return <Overview />;
    case 'nodes':
      return id === null ? <Nodes /> : <NodeView key={id} id={id} />;
    case 'jobs':
      return id === null ? <Jobs /> : <JobDetails key={id} id={id} />;
    case 'approvals':
      return id === null ? <Approvals /> : <TaskApproval key={id} id={id} />;
    case 'keys':
      return <Keys />;
    case 'pairing':
      return <Pairing />;
    case 'playground':
      return <Playground />;
    case 'receipts':
      return <Receipts key={id} id={id} />;
  }
}
