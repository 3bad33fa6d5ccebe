import { useEffect, useId, useState } from 'react';
import { isAnswerOf } from '../../shared/receipts/answer-check.ts';
import { dateText } from '../../shared/receipts/date-text.ts';
import type { Receipt } from '../../shared/receipts/receipt.ts';
import { receiptIn } from '../../shared/receipts/receipt-proof.ts';

const STRINGS = {
  title: 'What it says',
  facts: {
    job: 'Job',
    node: 'Node',
    service: 'Service',
    model: 'Model',
    tokens: 'Tokens',
    issued: 'Issued',
    relay: 'Key of the relay',
  },
  tokensOf: (read: number, written: number) => `${read} read, ${written} written`,
  answer: 'The answer that you have',
  answerHint: 'Paste it whole to see whether the receipt stands for it. It stays in this page.',
  same: 'The receipt stands for this answer.',
  other: 'The receipt stands for another answer than this.',
};

/** What a receipt tells, and whether it is the one of an answer that somebody has. */
export function Told({ content }: { content: unknown }) {
  const receipt = receiptIn(content);
  if (receipt === undefined) return null;
  return (
    <>
      <h3>{STRINGS.title}</h3>
      <dl className="told">
        {factsOf(receipt).map(([name, value]) => (
          <div key={name}>
            <dt>{STRINGS.facts[name]}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <Answer receipt={receipt} />
    </>
  );
}

function factsOf({
  job,
  node,
  service,
  model,
  usage,
  issuedAt,
  keys,
}: Receipt): [keyof typeof STRINGS.facts, string][] {
  const { inputTokens, outputTokens } = usage.reported;
  return [
    ['job', job],
    ['node', node],
    ['service', service],
    ['model', model],
    ['tokens', STRINGS.tokensOf(inputTokens, outputTokens)],
    ['issued', dateText(issuedAt)],
    ['relay', keys.relay],
  ];
}

function Answer({ receipt }: { receipt: Receipt }) {
  const id = useId();
  const [text, setText] = useState('');
  const [found, setFound] = useState<{ text: string; isIt: boolean }>();
  useEffect(() => {
    let isWanted = true;
    void isAnswerOf(receipt, text).then((isIt) => isWanted && setFound({ text, isIt }));
    return () => {
      isWanted = false;
    };
  }, [receipt, text]);
  return (
    <div className="field">
      <label htmlFor={id}>{STRINGS.answer}</label>
      <textarea
        id={id}
        className="input"
        spellCheck={false}
        value={text}
        onChange={({ target }) => setText(target.value)}
        aria-describedby={`${id}-hint`}
      />
      <p className="hint" id={`${id}-hint`}>
        {STRINGS.answerHint}
      </p>
      {text !== '' && found?.text === text && (
        <p className="notice" data-kind={found.isIt ? 'good' : 'danger'}>
          {found.isIt ? STRINGS.same : STRINGS.other}
        </p>
      )}
    </div>
  );
}
