import type { AdminStats } from '../../../shared/api/stats.ts';
import { Card, Empty, Fact, Facts, useNow } from '../parts.tsx';
import { linkTo } from '../route.ts';
import { useSpeech } from '../speech.ts';
import { useLive } from '../surroundings.ts';
import { Usage } from './usage.tsx';

/** How the relay is doing, now and over the last month. */
export function Overview() {
  const { texts } = useSpeech();
  const words = texts.overview;
  const { stats } = useLive();
  if (stats === null) return <p className="quiet">{texts.loading}</p>;
  return (
    <>
      {stats.health.reasons.map((reason) => (
        <p key={reason} className="notice" data-kind="danger" role="alert">
          {reason}
        </p>
      ))}
      {stats.nodes.known === 0 && (
        <div className="card">
          <Empty title={words.noNodes}>
            {words.noNodesHint} <a href={linkTo('pairing')}>{words.pairOne}</a>
          </Empty>
        </div>
      )}
      <Figures stats={stats} />
      <Usage />
      <div className="columns">
        <Problems problems={stats.problems} />
        <Relay stats={stats} />
      </div>
    </>
  );
}

function Figures({ stats }: { stats: AdminStats }) {
  const { texts, show } = useSpeech();
  const words = texts.overview;
  const { nodes, slots, jobs, last_minute: minute, models } = stats;
  const figures = [
    [words.nodes, `${show.count(nodes.connected)} / ${show.count(nodes.known)}`],
    [words.slots, `${show.count(slots.used)} / ${show.count(slots.total)}`],
    [words.models, show.count(models)],
    [words.running, show.count(jobs.running)],
    [words.waiting, show.count(jobs.waiting + jobs.queued)],
    [words.perMinute, show.count(minute.jobs)],
    [words.tokensPerMinute, show.compact(minute.input_tokens + minute.output_tokens)],
    [words.failedPerMinute, show.count(minute.failed)],
  ] as const;
  return (
    <Card title={words.now}>
      <dl className="figures">
        {figures.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}

function Problems({ problems }: { problems: AdminStats['problems'] }) {
  const { texts, show } = useSpeech();
  const words = texts.overview;
  const lists = [
    [words.jobProblems, problems.jobs],
    [words.refusals, problems.requests],
  ] as const;
  return (
    <Card title={words.problems}>
      {lists.map(([name, counts]) => (
        <div key={name} className="counts">
          <h3>{name}</h3>
          {Object.keys(counts).length === 0 ? (
            <p className="quiet">{words.none}</p>
          ) : (
            <dl>
              {Object.entries(counts)
                .sort(([, one], [, other]) => other - one)
                .map(([code, count]) => (
                  <div key={code}>
                    <dt>
                      <code>{code}</code>
                    </dt>
                    <dd>{show.count(count)}</dd>
                  </div>
                ))}
            </dl>
          )}
        </div>
      ))}
    </Card>
  );
}

function Relay({ stats }: { stats: AdminStats }) {
  const { texts, show } = useSpeech();
  const words = texts.overview;
  const { storage, jobs, version, since } = stats;
  const now = useNow();
  return (
    <Card title={words.relay}>
      <Facts>
        <Fact name={words.version}>{version}</Fact>
        <Fact name={words.started}>{show.ago(since, now)}</Fact>
        <Fact name={words.database}>{show.bytes(storage.database_bytes)}</Fact>
        <Fact name={words.free}>{show.bytes(storage.free_bytes)}</Fact>
        {Object.entries(jobs.finished).map(([state, count]) => (
          <Fact key={state} name={words.ever(state)}>
            {show.count(count)}
          </Fact>
        ))}
      </Facts>
      <p className="quiet">
        <a href="licences.txt" target="_blank" rel="noreferrer">
          {words.licences}
        </a>
      </p>
    </Card>
  );
}
