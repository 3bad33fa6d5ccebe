import type { ReactNode } from 'react';
import { Fact, Facts } from '../parts.tsx';
import { linkTo } from '../route.ts';
import { shownDuration } from '../shown.ts';
import { STRINGS } from '../strings/strings.ts';
import type { WholeAnswer } from './ask-model.ts';

const TEXT = STRINGS.playground;
type WholeAnswerFactsProps = Pick<WholeAnswer<unknown>, 'totalMs' | 'node' | 'receipt'> & { children?: ReactNode };

/** Which node made an answer and what proves it, after what is told of the answer alone. */
export function WholeAnswerFacts({ totalMs, node, receipt, children }: WholeAnswerFactsProps) {
  return (
    <Facts>
      {children}
      <Fact name={TEXT.took}>{shownDuration(totalMs)}</Fact>
      <Fact name={TEXT.node}>{node === null ? '—' : <a href={linkTo('nodes', node)}>{node}</a>}</Fact>
      {receipt !== null && (
        <Fact name={TEXT.receipt}>
          <a href={linkTo('receipts', receipt)}>{receipt}</a>
        </Fact>
      )}
    </Facts>
  );
}
