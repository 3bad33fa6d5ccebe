import type { ReactNode } from 'react';
import { Fact, Facts } from '../parts.tsx';
import { linkTo } from '../route.ts';
import { useSpeech } from '../speech.ts';
import type { WholeAnswer } from './ask-model.ts';

type WholeAnswerFactsProps = Pick<WholeAnswer<unknown>, 'totalMs' | 'node' | 'receipt'> & { children?: ReactNode };

/** Which node made an answer and what proves it, after what is told of the answer alone. */
export function WholeAnswerFacts({ totalMs, node, receipt, children }: WholeAnswerFactsProps) {
  const { texts, show } = useSpeech();
  const words = texts.playground;
  return (
    <Facts>
      {children}
      <Fact name={words.took}>{show.duration(totalMs)}</Fact>
      <Fact name={words.node}>{node === null ? '—' : <a href={linkTo('nodes', node)}>{node}</a>}</Fact>
      {receipt !== null && (
        <Fact name={words.receipt}>
          <a href={linkTo('receipts', receipt)}>{receipt}</a>
        </Fact>
      )}
    </Facts>
  );
}
