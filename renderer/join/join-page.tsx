import { useEffect, useMemo, useSyncExternalStore } from 'react';
import { LanguageSelect } from '../language/language-select.tsx';
import type { Locale } from '../language/locales.ts';
import { shownIn } from '../language/shown.ts';
import { useLocale } from '../language/use-locale.ts';
import { suggestedName } from './browser-facts.ts';
import { MachineCard } from './machine-card.tsx';
import { ModelsCard } from './models-card.tsx';
import type { NodeClient } from './node-client.ts';
import { PairForm } from './pair-form.tsx';
import { statusOf } from './status.ts';
import { StatusCard } from './status-card.tsx';
import { StorageCard } from './storage-card.tsx';
import { STRINGS, type Strings } from './strings.ts';
import { WorkCard } from './work-card.tsx';

const LOOPBACK = /^(localhost|\[::1\]|127(\.\d+){3})$/;

export type JoinPageProps = {
  /** Undefined where this browser cannot be a node. */
  client: NodeClient | undefined;
  firstCode: string;
};

export function JoinPage({ client, firstCode }: JoinPageProps) {
  const [locale, setLocale] = useLocale();
  const strings = STRINGS[locale];
  return (
    <div className="page">
      <header className="page-head">
        <h1>Sparewatt</h1>
        <p className="quiet">{strings.relay(location.host)}</p>
      </header>
      <main>
        <p className="lead">{strings.tagline}</p>
        {client === undefined ? (
          <p className="notice" data-kind="warn" role="alert">
            {isSecureContext ? strings.reasons.unsupported : strings.reasons.insecure}
          </p>
        ) : (
          <Node client={client} firstCode={firstCode} strings={strings} locale={locale} />
        )}
      </main>
      <footer className="page-foot">
        <a href="licences.txt" target="_blank" rel="noreferrer">
          {strings.licences}
        </a>
        <LanguageSelect label={strings.language} locale={locale} onLocale={setLocale} />
      </footer>
    </div>
  );
}

type NodeProps = { client: NodeClient; firstCode: string; strings: Strings; locale: Locale };

function Node({ client, firstCode, strings, locale }: NodeProps) {
  const view = useSyncExternalStore(client.onChange, client.view);
  const status = statusOf(view, strings, locale);
  useEffect(() => {
    document.title = `${status.title} · Sparewatt`;
  }, [status.title]);
  const show = useMemo(() => shownIn(locale), [locale]);
  const hasModels = 'nodeId' in view || view.stage === 'preparing' || view.stage === 'held';
  const isUnpaired = view.stage === 'unpaired' || view.stage === 'pairing';
  return (
    <>
      <StatusCard view={view} status={status} strings={strings} ask={client.ask} />
      {isUnpaired && (
        <PairForm
          strings={strings}
          locale={locale}
          firstName={suggestedName()}
          firstCode={firstCode}
          isRelayHere={LOOPBACK.test(location.hostname)}
          isBusy={view.stage === 'pairing'}
          problem={view.stage === 'unpaired' ? view.problem : null}
          onJoin={(name, code) => client.ask({ type: 'join', name, code })}
        />
      )}
      {'nodeId' in view && (
        <>
          <WorkCard work={view.work} strings={strings} locale={locale} />
          <MachineCard machine={view.machine} nodeId={view.nodeId} strings={strings} />
        </>
      )}
      {hasModels && (
        <>
          <ModelsCard view={view} strings={strings} show={show} ask={client.ask} />
          {view.storage !== null && (
            <StorageCard storage={view.storage} words={strings.models.storage} show={show} ask={client.ask} />
          )}
          <p className="quiet">{strings.keepOpen}</p>
        </>
      )}
    </>
  );
}
