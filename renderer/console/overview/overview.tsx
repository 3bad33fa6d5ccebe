import type { AdminStats } from '../../../shared/api/stats.ts';
import { Card, Empty, Fact, Facts, useNow } from '../parts.tsx';
import { linkTo } from '../route.ts';
import { shownAgo, shownBytes, shownCompact, shownCount } from '../shown.ts';
import { STRINGS } from '../strings/strings.ts';
import { useLive } from '../surroundings.ts';
import { Usage } from './usage.tsx';

const TEXT = STRINGS.overview;

/** How the relay is doing, now and over the last month. */
export function Overview() {
  const { stats } = useLive();
  if (stats === null) return <p className="quiet">{STRINGS.loading}</p>;
  return (
    <>
      {stats.health.reasons.map((reason) => (
        <p key={reason} className="notice" data-kind="danger" role="alert">
          {reason}
        </p>
      ))}
      {stats.nodes.known === 0 && (
        <div className="card">
          <Empty title={TEXT.noNodes}>
            {TEXT.noNodesHint} <a href={linkTo('pairing')}>{TEXT.pairOne}</a>
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
  const { nodes, slots, jobs, last_minute: minute, models } = stats;
  const figures = [
    [TEXT.nodes, `${shownCount(nodes.connected)} / ${shownCount(nodes.known)}`],
    [TEXT.slots, `${shownCount(slots.used)} / ${shownCount(slots.total)}`],
    [TEXT.models, shownCount(models)],
    [TEXT.running, shownCount(jobs.running)],
    [TEXT.waiting, shownCount(jobs.waiting + jobs.queued)],
    [TEXT.perMinute, shownCount(minute.jobs)],
    [TEXT.tokensPerMinute, shownCompact(minute.input_tokens + minute.output_tokens)],
    [TEXT.failedPerMinute, shownCount(minute.failed)],
  ] as const;
  return (
    <Card title={TEXT.now}>
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
  const lists = [
    [TEXT.jobProblems, problems.jobs],
    [TEXT.refusals, problems.requests],
  ] as const;
  return (
    <Card title={TEXT.problems}>
      {lists.map(([name, counts]) => (
        <div key={name} className="counts">
          <h3>{name}</h3>
          {Object.keys(counts).length === 0 ? (
            <p className="quiet">{TEXT.none}</p>
          ) : (
            <dl>
              {Object.entries(counts)
                .sort(([, one], [, other]) => other - one)
                .map(([code, count]) => (
                  <div key={code}>
                    <dt>
                      <code>{code}</code>
                    </dt>
                    <dd>{shownCount(count)}</dd>
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
  const { storage, jobs, version, since } = stats;
  const now = useNow();
  return (
    <Card title={TEXT.relay}>
      <Facts>
        <Fact name={TEXT.version}>{version}</Fact>
        <Fact name={TEXT.started}>{shownAgo(since, now)}</Fact>
        <Fact name={TEXT.database}>{shownBytes(storage.database_bytes)}</Fact>
        <Fact name={TEXT.free}>{shownBytes(storage.free_bytes)}</Fact>
        {Object.entries(jobs.finished).map(([state, count]) => (
          <Fact key={state} name={TEXT.ever(state)}>
            {shownCount(count)}
          </Fact>
        ))}
      </Facts>
      <p className="quiet">
        <a href="licences.txt" target="_blank" rel="noreferrer">
          {TEXT.licences}
        </a>
      </p>
    </Card>
  );
}
