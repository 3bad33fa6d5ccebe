import type { ReactNode } from 'react';
import type { ShownWork } from './node-messages.ts';
import type { Strings } from './strings.ts';

export function WorkCard({ work, strings, locale }: { work: ShownWork; strings: Strings; locale: string }) {
  const number = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  const amount = new Intl.NumberFormat(locale, { maximumFractionDigits: 2 });
  const { jobs, tokens, tokensPerS, credits } = work;
  return (
    <section className="card" aria-labelledby="work-title">
      <h2 id="work-title">{strings.work.title}</h2>
      <dl className="figures">
        <Figure name={strings.work.jobs} value={number.format(jobs)} />
        <Figure name={strings.work.tokens} value={number.format(tokens)} />
        {/* Nothing is shown before it means something. */}
        <Figure
          name={strings.work.speed}
          value={tokensPerS === null ? <Unknown name={strings.work.unknown} /> : number.format(tokensPerS)}
        />
        <Figure
          name={strings.work.credits}
          value={credits === null ? <Unknown name={strings.work.noCredits} /> : amount.format(credits)}
        />
      </dl>
    </section>
  );
}

function Figure({ name, value }: { name: string; value: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function Unknown({ name }: { name: string }) {
  return (
    <>
      <span aria-hidden="true">–</span>
      <span className="visually-hidden">{name}</span>
    </>
  );
}
