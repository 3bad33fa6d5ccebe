import type { ReactNode } from 'react';
import type { WholeAnswer } from './ask-model.ts';
import { Fact, Facts } from './parts.tsx';
import { linkTo } from './route.ts';
import { STRINGS } from './strings.ts';

const TEXT = STRINGS.playground;
type WholeAnswerFactsProps = Pick<WholeAnswer<unknown>, 'node' | 'receipt'> & { children?: ReactNode };

/** Which node made an answer and what proves it, after what is told of the answer alone. */
export function WholeAnswerFacts({ node, receipt, children }: WholeAnswerFactsProps) {
  return (
    <Facts>
      {children}
      <Fact name={TEXT.node}>{node === null ? '—' : <a href={linkTo('nodes', node)}>{node}</a>}</Fact>
      {receipt !== null && (
        <Fact name={TEXT.receipt}>
          <a href={linkTo('receipts', receipt)}>{receipt}</a>
        </Fact>
      )}
    </Facts>
  );
}
